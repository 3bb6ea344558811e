// Package output writes what a command found: a table for people, JSON or YAML for programs, names for shells.
package output

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"sigs.k8s.io/yaml"
)

// Format is how to write.
type Format string

// The formats. Wide is Table with more columns; Name is one kind/name a line. There is jsonpath=TEMPLATE too, as in kubectl.
const (
	Table Format = "table"
	Wide  Format = "wide"
	JSON  Format = "json"
	YAML  Format = "yaml"
	Name  Format = "name"
)

const pathPrefix = "jsonpath="

// Formats lists them, as help and completion show them.
var Formats = []string{string(Table), string(Wide), string(JSON), string(YAML), string(Name), pathPrefix}

// ErrFormat says that there is no such format.
var ErrFormat = errors.New("want -o table, wide, json, yaml, name or jsonpath=TEMPLATE")

// ParseFormat reads the value of -o; empty is Table. A template that cannot be read is an error too.
func ParseFormat(s string) (Format, error) {
	switch f := Format(s); f {
	case "":
		return Table, nil
	case Table, Wide, JSON, YAML, Name:
		return f, nil
	}
	if template, found := strings.CutPrefix(s, pathPrefix); found {
		_, err := parsePath(template)
		return Format(s), err
	}
	return "", fmt.Errorf("%w, not %q", ErrFormat, s)
}

// People says whether the format is for people, who are told in words what was done.
func (f Format) People() bool { return f == Table || f == Wide }

// Printer writes values to W.
type Printer struct {
	W         io.Writer
	Format    Format
	Color     bool
	NoHeaders bool // tables without their first line
}

// Column is a column of a table.
type Column[T any] struct {
	Title string
	Wide  bool // only with -o wide
	Tint  bool // color the cell by the status it holds
	Width int  // at least, in runes: for rows that come one by one
	Cell  func(T) string
}

// List writes many. kind and name make up the lines of -o name, e.g. pod/hello. An empty table is nothing at all: the caller says so in words.
func List[T any](p Printer, items []T, columns []Column[T], kind string, name func(T) string) error {
	switch {
	case p.Format == Name:
		return names(p, kind, name, items)
	case !p.Format.People():
		return p.encode(items)
	case len(items) == 0:
		return nil
	}
	return NewTable(p, columns).Write(items...)
}

// Field is a line of a description. An empty Value is left out.
type Field struct {
	Label, Value string
	Tint         bool // color the value by the status it holds
}

// One writes a single value; -o table and wide write the fields that describe makes of it.
func One[T any](p Printer, item T, describe func(T) []Field, kind string, name func(T) string) error {
	switch {
	case p.Format == Name:
		return names(p, kind, name, []T{item})
	case !p.Format.People():
		return p.encode(item)
	}
	return writeFields(p, describe(item))
}

// names writes kind/name lines.
func names[T any](p Printer, kind string, name func(T) string, items []T) error {
	for _, item := range items {
		if _, err := fmt.Fprintf(p.W, "%s/%s\n", kind, Clean(name(item))); err != nil {
			return fmt.Errorf("write: %w", err)
		}
	}
	return nil
}

// encode writes a value whole; YAML and paths go through JSON, so all have the same keys.
func (p Printer) encode(v any) error {
	var raw []byte
	var err error
	switch p.Format {
	case JSON:
		if raw, err = json.MarshalIndent(v, "", "  "); err == nil {
			raw = append(raw, '\n')
		}
	case YAML:
		raw, err = yaml.Marshal(v)
	default:
		raw, err = evaluate(strings.TrimPrefix(string(p.Format), pathPrefix), v)
	}
	if err != nil {
		return fmt.Errorf("encode as %s: %w", p.Format, err)
	}
	if _, err := p.W.Write(raw); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return nil
}
