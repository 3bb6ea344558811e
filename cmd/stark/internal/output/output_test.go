package output_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/cmd/stark/internal/output"
)

type thing struct {
	Name   string            `json:"name"`
	Status string            `json:"status"`
	Labels map[string]string `json:"labels"`
}

var things = []thing{
	{Name: "hello", Status: "running", Labels: map[string]string{"zone": "b", "gpu": "", "app": "x"}},
	{Name: "a-longer-name", Status: "failed"},
	{Name: "ev\x1b[31mil\nname", Status: "stopped"},
}

var columns = []output.Column[thing]{
	{Title: "NAME", Cell: func(t thing) string { return t.Name }},
	{Title: "STATUS", Tint: true, Cell: func(t thing) string { return t.Status }},
	{Title: "LABELS", Wide: true, Cell: func(t thing) string { return output.Labels(t.Labels) }},
}

func describe(t thing) []output.Field {
	return []output.Field{
		{Label: "Name", Value: t.Name}, {Label: "Status", Value: t.Status, Tint: true},
		{Label: "Empty", Value: ""}, {Label: "Lines", Value: "one\ntwo"},
	}
}

func name(t thing) string { return t.Name }

func golden(t *testing.T, file string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", file)
	if os.Getenv("UPDATE_GOLDEN") != "" {
		require.NoError(t, os.WriteFile(path, got, 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), string(got))
}

func TestGoldens(t *testing.T) {
	t.Parallel()
	for _, format := range output.Formats {
		p := output.Printer{Format: output.Format(format)}
		if format == "jsonpath=" {
			format, p.Format = "jsonpath", `jsonpath={range ..name}[{@}] {end}`
		}
		var list, one bytes.Buffer
		p.W = &list
		require.NoError(t, output.List(p, things, columns, "thing", name))
		golden(t, "list."+format, list.Bytes())
		p.W = &one
		require.NoError(t, output.One(p, things[0], describe, "thing", name))
		golden(t, "one."+format, one.Bytes())
	}
}

func TestColorDoesNotShiftColumns(t *testing.T) {
	t.Parallel()
	var plain, colored bytes.Buffer
	require.NoError(t, output.List(output.Printer{W: &plain, Format: output.Wide}, things, columns, "thing", name))
	require.NoError(t, output.List(output.Printer{W: &colored, Format: output.Wide, Color: true}, things, columns, "thing", name))
	require.Contains(t, colored.String(), "\x1b[32mrunning\x1b[0m")
	require.Contains(t, colored.String(), "\x1b[31mfailed\x1b[0m")
	stripped := strings.NewReplacer("\x1b[31m", "", "\x1b[32m", "", "\x1b[0m", "").Replace(colored.String())
	require.Equal(t, plain.String(), stripped)
}

func TestEmptyLists(t *testing.T) {
	t.Parallel()
	for format, want := range map[output.Format]string{output.Table: "", output.JSON: "[]\n", output.YAML: "[]\n", output.Name: ""} {
		var b bytes.Buffer
		require.NoError(t, output.List(output.Printer{W: &b, Format: format}, []thing{}, columns, "thing", name))
		require.Equal(t, want, b.String(), format)
	}
}

func TestUnknownFormatIsRefused(t *testing.T) {
	t.Parallel()
	_, err := output.ParseFormat("xml")
	require.ErrorIs(t, err, output.ErrFormat)
	f, err := output.ParseFormat("")
	require.NoError(t, err)
	require.Equal(t, output.Table, f)
}

type full struct{}

var errFull = errors.New("disk full")

func (full) Write([]byte) (int, error) { return 0, errFull }

func TestFailedWriteIsAnError(t *testing.T) {
	t.Parallel()
	for _, format := range output.Formats {
		if format == "jsonpath=" {
			format += "{..name}"
		}
		p := output.Printer{W: full{}, Format: output.Format(format)}
		require.ErrorIs(t, output.List(p, things, columns, "thing", name), errFull, format)
		require.ErrorIs(t, output.One(p, things[0], describe, "thing", name), errFull, format)
	}
}

func TestTemplates(t *testing.T) {
	t.Parallel()
	for template, want := range map[string]string{
		"{[0].name}": "hello\n", "[1].status": "failed\n", `{range [*]}{.status}{"\n"}{end}`: "running\nfailed\nstopped\n", "{[0].labels.zone}": "b\n", "{[0].none}": "",
		`{[?(@.status=="failed")].name}`: "a-longer-name\n",
	} {
		f, err := output.ParseFormat("jsonpath=" + template)
		require.NoError(t, err, template)
		var b bytes.Buffer
		require.NoError(t, output.List(output.Printer{W: &b, Format: f}, things, columns, "thing", name))
		require.Equal(t, want, b.String(), template)
	}
	for _, bad := range []string{"", "{.name", "{[?(}"} {
		_, err := output.ParseFormat("jsonpath=" + bad)
		require.Error(t, err, bad)
	}
}

func TestRowsThatComeLaterAreAligned(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	table := output.NewTable(output.Printer{W: &b, Format: output.Table}, columns)
	require.NoError(t, table.Write(things[1]))
	require.NoError(t, table.Write(things[0]))
	require.Equal(t, "NAME            STATUS\na-longer-name   failed\nhello           running\n", b.String())

	b.Reset()
	require.NoError(t, output.List(output.Printer{W: &b, Format: output.Table, NoHeaders: true}, things[:1], columns, "thing", name))
	require.Equal(t, "hello   running\n", b.String())
}

func TestAge(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC)
	for ago, want := range map[time.Duration]string{
		0: "0s", 90 * time.Second: "90s", 5 * time.Minute: "5m", 3*time.Hour + 12*time.Minute: "3h12m", 9 * 24 * time.Hour: "9d",
	} {
		require.Equal(t, want, output.Age(now, now.Add(-ago)))
	}
	require.Equal(t, "<unknown>", output.Age(now, time.Time{}))
}

func TestNoColorWithoutTerminal(t *testing.T) {
	t.Parallel()
	require.False(t, output.Colorful(&bytes.Buffer{}, func(string) string { return "" }))
}

func TestBytes(t *testing.T) {
	t.Parallel()
	require.Equal(t, "12 KiB", output.Bytes(12<<10))
	require.Equal(t, "0 B", output.Bytes(-1))
}
