package rest

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
)

// payload is a body that was understood: JSON, an object or an array of objects that have the same keys.
type payload struct {
	raw     []byte
	keys    []string // sorted
	object  bool
	empty   bool // an array without elements
	content string
}

const (
	contentJSON = "application/json"
	contentForm = "application/x-www-form-urlencoded"
	contentCSV  = "text/csv"
)

// readPayload reads a body of rows. columns, if given, are what counts of it.
func readPayload(r *http.Request, limit int64, columns []string) (*payload, *Error) {
	content := contentType(r)
	raw, err := readBody(r, limit)
	if err != nil {
		return nil, err
	}
	p := &payload{raw: raw, content: content}
	switch content {
	case contentJSON:
	case contentForm:
		if p.raw, err = formToJSON(raw); err != nil {
			return nil, err
		}
	case contentCSV:
		if p.raw, err = csvToJSON(raw); err != nil {
			return nil, err
		}
	default:
		return nil, errBody("Content-Type not acceptable: " + content)
	}
	return p, p.inspect(columns)
}

func contentType(r *http.Request) string {
	text := r.Header.Get("Content-Type")
	if text == "" {
		return contentJSON
	}
	name, _, err := mime.ParseMediaType(text)
	if err != nil {
		return text
	}
	return name
}

func readBody(r *http.Request, limit int64) ([]byte, *Error) {
	raw, err := io.ReadAll(io.LimitReader(r.Body, limit+1))
	switch {
	case err != nil:
		return nil, errBody("The body could not be read")
	case int64(len(raw)) > limit:
		return nil, fail(http.StatusRequestEntityTooLarge, "PGRST102", "The body is too large")
	}
	return raw, nil
}

// inspect finds the keys, and refuses what has none.
func (p *payload) inspect(columns []string) *Error {
	trimmed := bytes.TrimLeft(p.raw, " \t\r\n")
	if len(trimmed) == 0 || !json.Valid(trimmed) {
		return errBody("Empty or invalid json")
	}
	p.object = trimmed[0] == '{'
	if columns != nil {
		p.keys = slices.Clone(columns)
		slices.Sort(p.keys)
		p.keys = slices.Compact(p.keys)
		if trimmed[0] != '[' && !p.object {
			return errBody("Empty or invalid json")
		}
		return nil
	}
	if p.object {
		var row map[string]json.RawMessage
		if err := json.Unmarshal(trimmed, &row); err != nil {
			return errBody("Empty or invalid json")
		}
		p.keys = sortedKeys(row)
		return nil
	}
	var rows []map[string]json.RawMessage
	if err := json.Unmarshal(trimmed, &rows); err != nil {
		return errBody("Empty or invalid json")
	}
	p.empty = len(rows) == 0
	for i, row := range rows {
		if row == nil {
			return errBody("All object keys must match")
		}
		keys := sortedKeys(row)
		if i == 0 {
			p.keys = keys
		} else if !slices.Equal(keys, p.keys) {
			return errBody("All object keys must match")
		}
	}
	return nil
}

func sortedKeys(row map[string]json.RawMessage) []string {
	keys := make([]string, 0, len(row))
	for key := range row {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

func formToJSON(raw []byte) ([]byte, *Error) {
	values, err := url.ParseQuery(string(raw))
	if err != nil {
		return nil, errBody("Empty or invalid form")
	}
	row := map[string]string{}
	for key, all := range values {
		row[key] = all[len(all)-1]
	}
	return mustJSON(row), nil
}

// csvToJSON makes rows of text; a field NULL is null.
func csvToJSON(raw []byte) ([]byte, *Error) {
	records, err := csv.NewReader(bytes.NewReader(raw)).ReadAll()
	if err != nil || len(records) == 0 {
		return nil, errBody("All lines must have same number of fields")
	}
	rows := make([]map[string]*string, 0, len(records)-1)
	for _, record := range records[1:] {
		row := map[string]*string{}
		for i, name := range records[0] {
			if value := record[i]; value != "NULL" {
				row[name] = &value
			} else {
				row[name] = nil
			}
		}
		rows = append(rows, row)
	}
	return mustJSON(rows), nil
}

// mustJSON encodes what cannot fail: strings, numbers, and maps and slices of them.
func mustJSON(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return text
}
