package feed

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

// cell is one column of a row in text format. Listing and streaming give the same text, so one decoder serves both.
type cell struct {
	text      []byte // nil when null
	unchanged bool   // a large value that the stream left out because it did not change
}

// row reads cells by column index and keeps the first error.
//
// Columns that hold JSON are read leniently: whoever may insert a row can put any JSON of the right outer type there, and one such row must
// not stop the feed for everybody. What does not fit is left out.
type row struct {
	columns []string
	cells   []cell
	err     error
}

func (r *row) fail(i int, err error) {
	if r.err == nil {
		r.err = fmt.Errorf("column %s: %w", r.columns[i], err)
	}
}

// string reads a text that is too short to be left out; should one be left out all the same, only a new listing has it.
func (r *row) string(i int) string {
	if r.cells[i].unchanged {
		r.fail(i, fmt.Errorf("%w: a value was left out", errRelist))
	}
	return r.largeString(i)
}

// largeString reads a text that may have been left out as unchanged; the caller says so in its event.
func (r *row) largeString(i int) string { return string(r.cells[i].text) }

func (r *row) uuid(i int) uuid.UUID {
	text := r.cells[i].text
	if text == nil {
		return uuid.Nil
	}
	id, err := uuid.ParseBytes(text)
	if err != nil {
		r.fail(i, err)
	}
	return id
}

func (r *row) int(i int) int64 {
	n, err := strconv.ParseInt(string(r.cells[i].text), 10, 64)
	if err != nil {
		r.fail(i, err)
	}
	return n
}

// optionalInt is int, with 0 for null.
func (r *row) optionalInt(i int) int64 {
	if r.cells[i].text == nil {
		return 0
	}
	return r.int(i)
}

// optionalMillis is a number of milliseconds, nil for null.
func (r *row) optionalMillis(i int) *time.Duration {
	if r.cells[i].text == nil {
		return nil
	}
	d := time.Duration(r.int(i)) * time.Millisecond
	return &d
}

func (r *row) bool(i int) bool { return string(r.cells[i].text) == "t" }

// timeLayout is Postgres' ISO DateStyle; the connection sets the time zone to UTC.
const timeLayout = "2006-01-02 15:04:05.999999999-07"

// Times that Go cannot parse are pressed to these ends, which keeps their order among the others.
var (
	earliest = time.Time{}
	latest   = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)
)

func (r *row) time(i int) time.Time {
	text := string(r.cells[i].text)
	switch {
	case text == "", text == "-infinity", strings.HasSuffix(text, " BC"):
		return earliest
	case text == "infinity", strings.IndexByte(text, '-') > 4: // a year of five digits
		return latest
	}
	t, err := time.Parse(timeLayout, text)
	if err != nil {
		r.fail(i, err)
	}
	return t.UTC()
}

// raw returns JSON, or nil for null and for the given empty value: most rows carry none, and nil costs nothing.
func (r *row) raw(i int, empty string) json.RawMessage {
	text := r.cells[i].text
	if text == nil || string(text) == empty {
		return nil
	}
	return append(json.RawMessage(nil), text...)
}

// stringMap reads an object of strings; members of other types are left out.
func (r *row) stringMap(i int) map[string]string {
	text := r.cells[i].text
	if text == nil || string(text) == "{}" {
		return nil
	}
	var whole map[string]string
	if json.Unmarshal(text, &whole) == nil {
		return whole
	}
	var parts map[string]json.RawMessage
	if json.Unmarshal(text, &parts) != nil {
		return nil
	}
	fitting := make(map[string]string, len(parts))
	for key, part := range parts {
		var value string
		if json.Unmarshal(part, &value) == nil {
			fitting[key] = value
		}
	}
	return fitting
}

// elements reads an array; elements that do not fit T are left out.
func elements[T any](r *row, i int) []T {
	text := r.cells[i].text
	if text == nil || string(text) == "[]" {
		return nil
	}
	var parts []json.RawMessage
	if json.Unmarshal(text, &parts) != nil {
		return nil
	}
	list := make([]T, 0, len(parts))
	for _, part := range parts {
		var element T
		if string(part) != "null" && json.Unmarshal(part, &element) == nil {
			list = append(list, element)
		}
	}
	return list
}
