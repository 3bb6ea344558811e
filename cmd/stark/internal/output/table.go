package output

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// gap is the blanks between two columns, as in kubectl.
const gap = 3

// TableWriter writes rows that come one after another under the same columns.
type TableWriter[T any] struct {
	p       Printer
	columns []Column[T]
	widths  []int // in runes, without the gap; they only grow
	headed  bool
}

// NewTable is a table on p's writer, with no row yet; -o wide shows the wide columns too.
func NewTable[T any](p Printer, columns []Column[T]) *TableWriter[T] {
	t := &TableWriter[T]{p: p, headed: p.NoHeaders}
	for _, c := range columns {
		if !c.Wide || p.Format == Wide {
			t.columns = append(t.columns, c)
		}
	}
	for _, c := range t.columns {
		t.widths = append(t.widths, c.Width)
	}
	return t
}

// Write adds rows, aligned with those before; the first call writes the heading.
func (t *TableWriter[T]) Write(items ...T) error {
	var rows [][]string
	if !t.headed {
		t.headed = true
		titles := make([]string, len(t.columns))
		for i, c := range t.columns {
			titles[i] = c.Title
		}
		rows = append(rows, titles)
	}
	heading := len(rows)
	for _, item := range items {
		cells := make([]string, len(t.columns))
		for i, c := range t.columns {
			cells[i] = orNone(Clean(c.Cell(item)))
		}
		rows = append(rows, cells)
	}
	for _, row := range rows {
		for i, cell := range row {
			t.widths[i] = max(t.widths[i], utf8.RuneCountInString(cell))
		}
	}
	var b strings.Builder
	for n, row := range rows {
		t.line(&b, row, t.p.Color && n >= heading)
	}
	if _, err := fmt.Fprint(t.p.W, b.String()); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return nil
}

// line pads plain text and colors it afterwards: escape codes take no room.
func (t *TableWriter[T]) line(b *strings.Builder, row []string, color bool) {
	for i, cell := range row {
		padding := t.widths[i] + gap - utf8.RuneCountInString(cell)
		if color && t.columns[i].Tint {
			cell = Tint(cell)
		}
		b.WriteString(cell)
		if i < len(row)-1 {
			b.WriteString(strings.Repeat(" ", padding))
		}
	}
	b.WriteByte('\n')
}

func writeFields(p Printer, fields []Field) error {
	width := 0
	for _, f := range fields {
		if f.Value != "" {
			width = max(width, len(f.Label)+1)
		}
	}
	var b strings.Builder
	for _, f := range fields {
		if f.Value == "" {
			continue
		}
		for i, line := range strings.Split(f.Value, "\n") {
			label := ""
			if i == 0 {
				label = f.Label + ":"
			}
			line = Clean(line)
			if p.Color && f.Tint {
				line = Tint(line)
			}
			fmt.Fprintf(&b, "%-*s  %s\n", width, label, line)
		}
	}
	if _, err := p.W.Write([]byte(b.String())); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return nil
}
