package output

import (
	"bytes"
	"fmt"
	"strings"
	"text/tabwriter"
)

// gap is the blanks between two columns, as in kubectl.
const gap = 3

// writeTable aligns plain text first and colors it afterwards: tabwriter would count escape codes as letters.
func writeTable[T any](p Printer, items []T, columns []Column[T]) error {
	var shown []Column[T]
	for _, c := range columns {
		if !c.Wide || p.Format == Wide {
			shown = append(shown, c)
		}
	}
	var buf bytes.Buffer
	tw := tabwriter.NewWriter(&buf, 0, 1, gap, ' ', 0)
	row := func(cell func(Column[T]) string) {
		cells := make([]string, len(shown))
		for i, c := range shown {
			cells[i] = cell(c)
		}
		fmt.Fprintln(tw, strings.Join(cells, "\t")) // a bytes.Buffer takes everything
	}
	row(func(c Column[T]) string { return c.Title })
	for _, item := range items {
		row(func(c Column[T]) string { return orNone(clean(c.Cell(item))) })
	}
	if err := tw.Flush(); err != nil {
		return fmt.Errorf("align the table: %w", err)
	}
	lines := strings.Split(strings.TrimSuffix(buf.String(), "\n"), "\n")
	if p.Color {
		tintColumns(lines, shown, items)
	}
	if _, err := fmt.Fprintln(p.W, strings.Join(lines, "\n")); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return nil
}

// tintColumns colors the cells of tinted columns in the aligned lines, the first of which is the heading.
func tintColumns[T any](lines []string, columns []Column[T], items []T) {
	for i := len(columns) - 1; i >= 0; i-- { // from the right, so that offsets stay good
		if !columns[i].Tint {
			continue
		}
		at := strings.Index(lines[0], columns[i].Title)
		for n, item := range items {
			lines[n+1] = tintAt(lines[n+1], at, clean(columns[i].Cell(item)))
		}
	}
}

// tintAt colors text where it starts at the column at, counted in runes since cells before it may hold wide ones.
func tintAt(line string, at int, text string) string {
	runes := []rune(line)
	end := at + len([]rune(text))
	if end > len(runes) || string(runes[at:end]) != text {
		return line
	}
	return string(runes[:at]) + Tint(text) + string(runes[end:])
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
			line = clean(line)
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
