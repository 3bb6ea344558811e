// Package scaffold writes the files that a new pack starts with.
package scaffold

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"text/template"

	"github.com/stark-o/stark/backend/core"
)

//go:embed templates
var files embed.FS

var templates = template.Must(template.ParseFS(files, "templates/*.tmpl"))

// ExistsError says which files are in the way.
type ExistsError struct{ Files []string }

// Error names them.
func (e *ExistsError) Error() string {
	return "these files exist already: " + strings.Join(e.Files, ", ")
}

// Pack is what to make.
type Pack struct {
	Name    string
	Runtime core.RuntimeTag
}

// Write makes the pack's files in dir, which may exist, and returns their names. It overwrites nothing: *ExistsError.
func Write(dir string, p Pack) ([]string, error) {
	outputs := []struct{ name, template string }{
		{"package.json", "package.json"},
		{"tsconfig.json", "tsconfig.json"},
		{".gitignore", "gitignore"},
		{"stark.d.ts", "stark.d.ts"},
		{filepath.Join("src", "index.ts"), string(p.Runtime) + ".ts"},
	}
	var taken, written []string
	for _, out := range outputs {
		switch _, err := os.Lstat(filepath.Join(dir, out.name)); {
		case err == nil:
			taken = append(taken, out.name)
		case !errors.Is(err, fs.ErrNotExist):
			return nil, fmt.Errorf("look at the folder: %w", err)
		}
	}
	if len(taken) > 0 {
		return nil, &ExistsError{taken}
	}
	for _, out := range outputs {
		var text bytes.Buffer
		if err := templates.ExecuteTemplate(&text, out.template+".tmpl", p); err != nil {
			return written, fmt.Errorf("make %s: %w", out.name, err)
		}
		if err := write(filepath.Join(dir, out.name), text.Bytes()); err != nil {
			return written, err
		}
		written = append(written, out.name)
	}
	return written, nil
}

// write makes a file that must not exist yet.
func write(path string, text []byte) (err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("make a folder: %w", err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return fmt.Errorf("make a file: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if _, err := f.Write(text); err != nil {
		return fmt.Errorf("write a file: %w", err)
	}
	return nil
}
