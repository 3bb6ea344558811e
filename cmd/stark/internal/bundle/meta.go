package bundle

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"github.com/stark-o/stark/cmd/stark/internal/output"
)

// Input is a source file and its share of the bundle.
type Input struct {
	Path  string `json:"path"`  // relative to the pack
	Bytes int64  `json:"bytes"` // in the bundle, not on disk
}

// metafile is the part of esbuild's that is used here. Source: https://esbuild.github.io/api/#metafile
type metafile struct {
	Outputs map[string]struct {
		Exports []string `json:"exports"`
		Imports []struct {
			Path     string `json:"path"`
			Kind     string `json:"kind"`
			External bool   `json:"external"`
		} `json:"imports"`
		Inputs map[string]struct {
			BytesInOutput int64 `json:"bytesInOutput"`
		} `json:"inputs"`
	} `json:"outputs"`
}

func parseMeta(raw string) (*metafile, error) {
	var m metafile
	if err := json.Unmarshal([]byte(raw), &m); err != nil {
		return nil, fmt.Errorf("read esbuild's metafile: %w", err)
	}
	return &m, nil
}

// requiresBuiltin says whether a require() of a built-in is left in the bundle.
func (m *metafile) requiresBuiltin() bool {
	for _, out := range m.Outputs {
		for _, i := range out.Imports {
			if i.External && (i.Kind == "require-call" || i.Kind == "require-resolve") {
				return true
			}
		}
	}
	return false
}

// exportsDefault says whether the bundle has a default export: an entry that a node can call.
func (m *metafile) exportsDefault() bool {
	for _, out := range m.Outputs {
		if slices.Contains(out.Exports, "default") {
			return true
		}
	}
	return false
}

// inputs are the files that made it into the bundle, biggest first.
func (m *metafile) inputs() []Input {
	all := []Input{}
	for _, out := range m.Outputs {
		for path, in := range out.Inputs {
			if in.BytesInOutput > 0 {
				all = append(all, Input{Path: path, Bytes: in.BytesInOutput})
			}
		}
	}
	slices.SortFunc(all, func(a, b Input) int {
		return cmp.Or(cmp.Compare(b.Bytes, a.Bytes), cmp.Compare(a.Path, b.Path))
	})
	return all
}

// most files are small: after these the summary only counts them.
const summaryLines = 15

// Summary writes what the bundle consists of, biggest first, like esbuild's analyze.
func (r *Result) Summary(w io.Writer, file string) error {
	total := int64(len(r.Code))
	lines := fmt.Sprintf("%s  %s  sha256:%s\n", file, output.Bytes(total), r.SHA256[:12])
	for i, in := range r.Inputs {
		if i == summaryLines {
			lines += fmt.Sprintf("  └ and %d more files\n", len(r.Inputs)-i)
			break
		}
		branch := "├"
		if i == len(r.Inputs)-1 {
			branch = "└"
		}
		lines += fmt.Sprintf("  %s %-40s %9s %5.1f%%\n", branch, in.Path, output.Bytes(in.Bytes), 100*float64(in.Bytes)/float64(max(total, 1)))
	}
	_, err := io.WriteString(w, lines)
	return err
}
