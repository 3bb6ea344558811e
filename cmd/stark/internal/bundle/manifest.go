// Package bundle turns a folder of JavaScript or TypeScript into the one ES module that a node runs, with esbuild.
//
// What the folder is comes from its package.json: name, version, description, module or main; and, for what npm has no
// word for, a "stark" object: {"name", "runtime": "node"|"browser"|"universal", "entry"}.
package bundle

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"

	"github.com/Masterminds/semver/v3"

	"github.com/stark-o/stark/backend/core"
)

// Manifest is what a pack is called and where it starts.
type Manifest struct {
	Dir         string
	Name        string
	Version     string
	Description string
	Runtime     core.RuntimeTag
	Entry       string // relative to Dir
}

// ManifestError says what a manifest lacks and how to give it.
type ManifestError struct {
	Problem string
	Hint    string
}

// Error is the problem.
func (e *ManifestError) Error() string { return e.Problem }

type packageJSON struct {
	Name        string `json:"name"`
	Version     string `json:"version"`
	Description string `json:"description"`
	Main        string `json:"main"`
	Module      string `json:"module"`
	Stark       struct {
		Name    string          `json:"name"`
		Runtime core.RuntimeTag `json:"runtime"`
		Entry   string          `json:"entry"`
	} `json:"stark"`
}

// Where a pack starts when package.json does not say.
var defaultEntries = []string{
	"index.ts", "index.mts", "index.js", "index.mjs", "index.cjs",
	"src/index.ts", "src/index.mts", "src/index.js", "src/index.mjs",
}

// Read looks at dir. A missing package.json is an empty one: flags may say the rest, so Check is called after them.
func Read(dir string) (Manifest, error) {
	path := filepath.Join(dir, "package.json")
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if info, statErr := os.Stat(dir); statErr != nil || !info.IsDir() {
			return Manifest{}, fmt.Errorf("%s is not a folder", dir)
		}
		raw = []byte("{}")
	} else if err != nil {
		return Manifest{}, fmt.Errorf("read the manifest: %w", err)
	}
	var p packageJSON
	if err := json.Unmarshal(raw, &p); err != nil {
		return Manifest{}, fmt.Errorf("read %s: %w", path, err)
	}
	m := Manifest{
		Dir: dir, Name: first(p.Stark.Name, p.Name), Version: p.Version, Description: p.Description,
		Runtime: p.Stark.Runtime, Entry: first(p.Stark.Entry, p.Module, p.Main),
	}
	if m.Runtime == "" {
		m.Runtime = core.TagUniversal
	}
	if m.Entry == "" {
		m.Entry = findEntry(dir)
	}
	return m, nil
}

func first(candidates ...string) string {
	for _, c := range candidates {
		if c != "" {
			return c
		}
	}
	return ""
}

func findEntry(dir string) string {
	for _, e := range defaultEntries {
		if info, err := os.Stat(filepath.Join(dir, e)); err == nil && info.Mode().IsRegular() {
			return e
		}
	}
	return ""
}

var dnsLabel = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// Check says what stands in the way of registering a pack like this; it is a *ManifestError.
func (m Manifest) Check() error {
	switch {
	case m.Name == "":
		return &ManifestError{"the pack has no name", `set "name" in package.json, or pass --name`}
	case !dnsLabel.MatchString(m.Name):
		return &ManifestError{
			fmt.Sprintf("%q is not a pack name: want lower-case letters, digits and dashes, at most 63", m.Name),
			`set "stark": {"name": …} in package.json, or pass --name`,
		}
	case m.Version == "":
		return &ManifestError{"the pack has no version", `set "version" in package.json, or pass --version`}
	case !m.Runtime.Valid():
		return &ManifestError{
			fmt.Sprintf("%q is not a runtime", m.Runtime), "want node, browser or universal",
		}
	}
	if _, err := semver.StrictNewVersion(m.Version); err != nil {
		return &ManifestError{fmt.Sprintf("%q is not a semantic version: want e.g. 1.2.3", m.Version), ""}
	}
	return nil
}
