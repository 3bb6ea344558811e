package bundle

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/evanw/esbuild/pkg/api"

	"github.com/stark-o/stark/backend/core"
)

// Options say how to bundle.
type Options struct {
	Minify    bool
	Sourcemap bool // inline, at the end of the module
}

// Result is a bundle.
type Result struct {
	Code     []byte // one ES module
	SHA256   string // of Code, hex
	Inputs   []Input
	Warnings []string
}

// BuildError is what esbuild found wrong with the source, formatted as it does.
type BuildError struct{ Messages []string }

// Error is all of the messages.
func (e *BuildError) Error() string { return "bundling failed\n" + strings.Join(e.Messages, "\n") }

// nodeRequire gives a CommonJS dependency inside an ES module its require() of built-ins. It resolves from the working
// directory, not from import.meta.url, since a host may load the module from memory.
const nodeRequire = `import { createRequire as __starkCreateRequire } from "node:module";
var require = __starkCreateRequire(process.cwd() + "/");`

// Build bundles m.Entry and all that it imports. Errors: *ManifestError for an entry that is not there, *BuiltinError for
// a Node.js built-in in a pack that is not for Node.js alone, *BuildError for all else in the source.
func Build(m Manifest, o Options) (*Result, error) {
	options, err := buildOptions(m, o)
	if err != nil {
		return nil, err
	}
	return finish(m, options, api.Build(options))
}

// finish makes a bundle of what esbuild has built with those options.
func finish(m Manifest, options api.BuildOptions, built api.BuildResult) (*Result, error) {
	if len(built.Errors) > 0 {
		return nil, explain(m, built.Errors)
	}
	meta, err := parseMeta(built.Metafile)
	if err != nil {
		return nil, err
	}
	if m.Runtime == core.TagNode && meta.requiresBuiltin() {
		options.Banner = map[string]string{"js": nodeRequire}
		if built = api.Build(options); len(built.Errors) > 0 {
			return nil, explain(m, built.Errors)
		}
	}
	code := bytes.Clone(built.OutputFiles[0].Contents) // the only one: no loader makes files beside it
	warnings := format(built.Warnings, api.WarningMessage)
	if !meta.exportsDefault() {
		warnings = append(warnings, m.Entry+" has no default export, so a node cannot run it: export default a function (context) => …, or an object with start(context)")
	}
	sum := sha256.Sum256(code)
	return &Result{Code: code, SHA256: hex.EncodeToString(sum[:]), Inputs: meta.inputs(), Warnings: warnings}, nil
}

func buildOptions(m Manifest, o Options) (api.BuildOptions, error) {
	if m.Entry == "" {
		return api.BuildOptions{}, &ManifestError{fmt.Sprintf("%s has no entry file", m.Dir), `set "main" in package.json, or add an index.js or index.ts`}
	}
	dir, err := filepath.Abs(m.Dir)
	if err != nil {
		return api.BuildOptions{}, fmt.Errorf("find the pack: %w", err)
	}
	entry := filepath.FromSlash(m.Entry)
	if !filepath.IsAbs(entry) {
		entry = "." + string(filepath.Separator) + entry
	}
	options := api.BuildOptions{
		AbsWorkingDir: dir,
		EntryPoints:   []string{entry},
		Outfile:       "pack.js", // a name for the metafile: nothing is written
		Bundle:        true,
		Metafile:      true,
		Format:        api.FormatESModule,
		Target:        api.ES2022,
		LogLevel:      api.LogLevelSilent,
		Charset:       api.CharsetUTF8,
		LegalComments: api.LegalCommentsInline,
		Loader:        map[string]api.Loader{".wasm": api.LoaderBinary, ".txt": api.LoaderText, ".css": api.LoaderText},

		MinifyWhitespace: o.Minify, MinifyIdentifiers: o.Minify, MinifySyntax: o.Minify,
	}
	if o.Sourcemap {
		options.Sourcemap = api.SourceMapInline
	}
	switch m.Runtime {
	case core.TagNode:
		options.Platform = api.PlatformNode
	case core.TagBrowser:
		options.Platform = api.PlatformBrowser
	default: // what suits both: no "browser" or "node" variant of a package
		options.Platform = api.PlatformNeutral
		options.MainFields = []string{"module", "main"}
	}
	return options, nil
}

func format(messages []api.Message, kind api.MessageKind) []string {
	lines := api.FormatMessages(messages, api.FormatMessagesOptions{Kind: kind})
	for i, l := range lines {
		lines[i] = strings.TrimRight(l, "\n")
	}
	return lines
}
