package feed

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/google/uuid"
)

// cell is one column of a row in text format. Listing and streaming give the same text, so one decoder serves both.
type cell struct {
	text      []byte // nil when null
	unchanged bool   // a large value that the stream left out because it did not change
}

// row reads cells by column index and keeps the first error.
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

func (r *row) string(i int) string { return string(r.cells[i].text) }

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

func (r *row) bool(i int) bool { return string(r.cells[i].text) == "t" }

// timeLayout is Postgres' ISO DateStyle; the connection sets the time zone to UTC.
const timeLayout = "2006-01-02 15:04:05.999999999-07"

func (r *row) time(i int) time.Time {
	if r.cells[i].text == nil {
		return time.Time{}
	}
	t, err := time.Parse(timeLayout, string(r.cells[i].text))
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

// unmarshal decodes JSON unless it is null or the given empty value.
func (r *row) unmarshal(i int, empty string, into any) {
	text := r.cells[i].text
	if text == nil || string(text) == empty {
		return
	}
	if err := json.Unmarshal(text, into); err != nil {
		r.fail(i, err)
	}
}

func (r *row) stringMap(i int) map[string]string {
	var m map[string]string
	r.unmarshal(i, "{}", &m)
	return m
}
