package storage

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"time"

	"github.com/jackc/pgx/v5"
)

// listV2Body asks for a page of objects whose names begin with Prefix. With a delimiter what lies deeper is one folder.
type listV2Body struct {
	Prefix     string `json:"prefix"`
	Limit      *int64 `json:"limit"`
	Cursor     string `json:"cursor"`
	Delimiter  bool   `json:"with_delimiter"`
	Noncurrent string `json:"noncurrentVersions"`
	SortBy     *struct {
		Column string `json:"column"`
		Order  string `json:"order"`
	} `json:"sortBy"`
}

type objectV2 struct {
	Name           string          `json:"name"`
	Key            string          `json:"key"`
	ID             string          `json:"id"`
	UpdatedAt      *time.Time      `json:"updated_at"`
	CreatedAt      *time.Time      `json:"created_at"`
	LastAccessedAt *time.Time      `json:"last_accessed_at"`
	Metadata       json.RawMessage `json:"metadata"`
}

type folderV2 struct {
	Name string `json:"name"`
	Key  string `json:"key"`
}

type listV2Answer struct {
	HasNext    bool       `json:"hasNext"`
	NextCursor string     `json:"nextCursor,omitempty"`
	Folders    []folderV2 `json:"folders"`
	Objects    []objectV2 `json:"objects"`
}

// cursorV2 is where a page ended: the sort key, and the name for what shares it.
type cursorV2 struct {
	At   string `json:"at"`
	Name string `json:"name"`
}

const maxListV2 = 1000

// listV2 lists with a cursor, so that the cost of a page does not grow with the pages before it.
func (s *Server) listV2(w http.ResponseWriter, r *http.Request, c call) error {
	var in listV2Body
	if err := decodeJSON(w, r, &in); err != nil {
		return err
	}
	limit := int64(maxListV2)
	if in.Limit != nil {
		if *in.Limit < 1 {
			return errSchema("body/limit must be >= 1")
		}
		limit = min(limit, *in.Limit)
	}
	if in.Noncurrent != "" && in.Noncurrent != "exclude" {
		return errUnimplemented("listing noncurrent versions")
	}
	key, direction, err := in.order()
	if err != nil {
		return err
	}
	from, err := readCursor(in.Cursor)
	if err != nil {
		return err
	}
	var rows []rowV2
	err = s.as(r.Context(), c.caller, "storage.object.list_v2", nil, func(tx pgx.Tx) error {
		found, err := tx.Query(r.Context(), listV2SQL(key, direction), c.bucket, in.Prefix, in.Delimiter, from != nil, from.at(), from.name(), limit+1)
		if err != nil {
			return err
		}
		rows, err = pgx.CollectRows(found, pgx.RowToStructByPos[rowV2])
		return err
	})
	if err != nil {
		return err
	}
	return writeJSON(w, pageV2(rows, int(limit)))
}

// order returns the sort key and the direction, both from fixed words.
func (b listV2Body) order() (key, direction string, err error) {
	key, direction = `'-infinity'::timestamptz`, "asc"
	if b.SortBy == nil {
		return key, direction, nil
	}
	switch b.SortBy.Column {
	case "name":
	case "updated_at", "created_at":
		key = "coalesce(" + b.SortBy.Column + `, '-infinity'::timestamptz)`
	case "":
		return "", "", errSchema("body/sortBy must have required property 'column'")
	default:
		return "", "", errSchema("body/sortBy/column must be equal to one of the allowed values")
	}
	switch b.SortBy.Order {
	case "", "asc":
	case "desc":
		direction = "desc"
	default:
		return "", "", errSchema("body/sortBy/order must be equal to one of the allowed values")
	}
	return key, direction, nil
}

func listV2SQL(key, direction string) string {
	beyond := ">"
	if direction == "desc" {
		beyond = "<"
	}
	return `
		with found as (
		  select name, substr(name, length($2) + 1) as rest, id, updated_at, created_at, last_accessed_at, metadata
		  from storage.objects where bucket_id = $1 and starts_with(name, $2)
		), entries as (
		  select distinct $2 || split_part(rest, '/', 1) || '/' as name, null::uuid as id, null::timestamptz as updated_at,
		    null::timestamptz as created_at, null::timestamptz as last_accessed_at, null::jsonb as metadata
		  from found where $3 and strpos(rest, '/') > 0
		  union all
		  select name, id, updated_at, created_at, last_accessed_at, metadata from found where not ($3 and strpos(rest, '/') > 0)
		), keyed as (select *, ` + key + ` as at from entries)
		select name, id::text, updated_at, created_at, last_accessed_at, metadata, (at at time zone 'utc')::text from keyed
		where not $4 or (at, name collate "C") ` + beyond + ` ($5::timestamp at time zone 'utc', $6)
		order by at ` + direction + `, name collate "C" ` + direction + ` limit $7`
}

// rowV2 is an object, or a folder: then it has no id.
type rowV2 struct {
	Name           string
	ID             *string
	UpdatedAt      *time.Time
	CreatedAt      *time.Time
	LastAccessedAt *time.Time
	Metadata       json.RawMessage
	At             string
}

// pageV2 splits rows, of which there may be one more than the page holds.
func pageV2(rows []rowV2, limit int) listV2Answer {
	answer := listV2Answer{Folders: []folderV2{}, Objects: []objectV2{}}
	if len(rows) > limit {
		rows = rows[:limit]
		last := rows[limit-1]
		answer.HasNext, answer.NextCursor = true, cursorV2{last.At, last.Name}.encode()
	}
	for _, row := range rows {
		if row.ID == nil {
			answer.Folders = append(answer.Folders, folderV2{row.Name, row.Name})
			continue
		}
		answer.Objects = append(answer.Objects, objectV2{row.Name, row.Name, *row.ID, row.UpdatedAt, row.CreatedAt, row.LastAccessedAt, row.Metadata})
	}
	return answer
}

func (c cursorV2) encode() string {
	text, _ := json.Marshal(c) // two strings
	return base64.RawURLEncoding.EncodeToString(text)
}

func (c *cursorV2) at() string {
	if c == nil {
		return "-infinity"
	}
	return c.At
}

func (c *cursorV2) name() string {
	if c == nil {
		return ""
	}
	return c.Name
}

// readCursor reads what nextCursor said; nil for the first page.
func readCursor(text string) (*cursorV2, error) {
	if text == "" {
		return nil, nil
	}
	c := &cursorV2{}
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err == nil {
		err = json.Unmarshal(raw, c)
	}
	if err == nil && c.At != "-infinity" {
		_, err = time.Parse("2006-01-02 15:04:05.999999", c.At)
	}
	if err != nil {
		return nil, &Error{Status: "400", Code: "InvalidParameter", Message: "Invalid continuation token"}
	}
	return c, nil
}
