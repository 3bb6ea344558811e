// Package output writes what a command found: a table for people, JSON or YAML for programs, names for shells.
package output

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"sigs.k8s.io/yaml"
)

// Format is how to write.
type Format string

// The formats. Wide is Table with more columns; Name is one kind/name a line.
const (
	Table Format = "table"
	Wide  Format = "wide"
	JSON  Format = "json"
	YAML  Format = "yaml"
	Name  Format = "name"
)

// Formats lists them, as help and completion show them.
var Formats = []string{string(Table), string(Wide), string(JSON), string(YAML), string(Name)}

// ErrFormat says that there is no such format.
var ErrFormat = errors.New("want -o table, wide, json, yaml or name")

// ParseFormat reads the value of -o; empty is Table.
func ParseFormat(s string) (Format, error) {
	switch f := Format(s); f {
	case "":
		return Table, nil
	case Table, Wide, JSON, YAML, Name:
		return f, nil
	}
	return "", fmt.Errorf("%w, not %q", ErrFormat, s)
}

// Printer writes values to W.
type Printer struct {
	W      io.Writer
	Format Format
	Color  bool
}

// Column is a column of a table.
type Column[T any] struct {
	Title string
	Wide  bool // only with -o wide
	Tint  bool // color the cell by the status it holds
	Cell  func(T) string
}

// List writes many. kind and name make up the lines of -o name, e.g. pod/hello. An empty table is nothing at all: the caller says so in words.
func List[T any](p Printer, items []T, columns []Column[T], kind string, name func(T) string) error {
	switch p.Format {
	case JSON, YAML:
		return p.encode(items)
	case Name:
		for _, item := range items {
			if _, err := fmt.Fprintf(p.W, "%s/%s\n", kind, clean(name(item))); err != nil {
				return fmt.Errorf("write: %w", err)
			}
		}
		return nil
	}
	if len(items) == 0 {
		return nil
	}
	return writeTable(p, items, columns)
}

// Field is a line of a description. An empty Value is left out.
type Field struct {
	Label, Value string
	Tint         bool // color the value by the status it holds
}

// One writes a single value; -o table and wide write the fields that describe makes of it.
func One[T any](p Printer, item T, describe func(T) []Field, kind string, name func(T) string) error {
	switch p.Format {
	case JSON, YAML:
		return p.encode(item)
	case Name:
		_, err := fmt.Fprintf(p.W, "%s/%s\n", kind, clean(name(item)))
		return err
	}
	return writeFields(p, describe(item))
}

func (p Printer) encode(v any) error {
	var raw []byte
	var err error
	if p.Format == YAML {
		raw, err = yaml.Marshal(v) // through JSON, so both formats have the same keys
	} else if raw, err = json.MarshalIndent(v, "", "  "); err == nil {
		raw = append(raw, '\n')
	}
	if err != nil {
		return fmt.Errorf("encode as %s: %w", p.Format, err)
	}
	if _, err := p.W.Write(raw); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return nil
}
