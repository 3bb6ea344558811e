package store

import (
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/wire"
)

// endOfTime comes after every row's key. Lists always compare with a key, so that the index serves the first page as it does the others.
var endOfTime = wire.Cursor{CreatedAt: time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC), ID: uuid.Max}

// slice turns what was asked for into the key to start after and the rows to read: one more than asked, which tells
// whether there is another page.
func slice(s wire.Slice) (after wire.Cursor, rows int32) {
	after = s.After
	if after.IsZero() {
		after = endOfTime
	}
	limit := s.Limit
	if limit < 1 || limit > wire.MaxLimit {
		limit = wire.DefaultLimit
	}
	return after, int32(limit) + 1
}

// page makes DTOs of rows, drops the one row too many, and gives the cursor of the next page, "" on the last.
func page[R, T any](rows []R, asked int32, dto func(R) T, key func(T) wire.Cursor) ([]T, string) {
	more := len(rows) == int(asked)
	if more {
		rows = rows[:len(rows)-1]
	}
	items := make([]T, len(rows))
	for i, r := range rows {
		items[i] = dto(r)
	}
	if !more || len(items) == 0 {
		return items, ""
	}
	return items, key(items[len(items)-1]).String()
}

// refused explains a statement that matched no row: what the caller can see but not change is forbidden, the rest is not found.
func refused(what string, visible bool) error {
	if !visible {
		return core.Errorf(core.CodeNotFound, "there is no such %s", what)
	}
	return core.Errorf(core.CodeForbidden, "you may not change this %s", what).WithHint("Only its owner, or someone with a higher role, may.")
}

// stringMap reads an object of strings, which a check constraint guarantees. It is never nil.
func stringMap(raw json.RawMessage) map[string]string {
	m := map[string]string{}
	if err := json.Unmarshal(raw, &m); err != nil || m == nil {
		return map[string]string{}
	}
	return m
}

// elements reads an array. The database guarantees that it is one, not what is in it: whoever writes rows directly can put anything there,
// and must not break everybody's lists with it. What does not fit T is left out, as it is by the scheduler. It is never nil.
func elements[T any](raw json.RawMessage) []T {
	var parts []json.RawMessage
	if err := json.Unmarshal(raw, &parts); err != nil {
		return []T{}
	}
	list := make([]T, 0, len(parts))
	for _, part := range parts {
		var element T
		if err := json.Unmarshal(part, &element); err == nil {
			list = append(list, element)
		}
	}
	return list
}

// orEmpty is raw, or the given JSON when there is none.
func orEmpty(raw json.RawMessage, empty string) json.RawMessage {
	if len(raw) == 0 {
		return json.RawMessage(empty)
	}
	return raw
}
