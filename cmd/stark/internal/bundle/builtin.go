package bundle

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/evanw/esbuild/pkg/api"

	"github.com/stark-o/stark/backend/core"
)

// BuiltinError says that a pack for browsers imports a module that only Node.js has.
type BuiltinError struct {
	Runtime core.RuntimeTag
	Imports []BuiltinImport
}

// BuiltinImport is one such import.
type BuiltinImport struct {
	Import   string // as written: fs, node:fs/promises
	Importer string // file, relative to the pack
	Line     int    // from 1
}

// Error names each import and the file that has it.
func (e *BuiltinError) Error() string {
	lines := []string{fmt.Sprintf("a %s pack cannot use Node.js built-ins", e.Runtime)}
	for _, i := range e.Imports {
		lines = append(lines, fmt.Sprintf("  %s:%d imports %q", i.Importer, i.Line, i.Import))
	}
	return strings.Join(lines, "\n")
}

// esbuild gives its errors no id, so this one is known by its text; if it ever changes, the error is still shown as *BuildError.
var unresolved = regexp.MustCompile(`^Could not resolve "(.+)"$`)

// explain turns esbuild's errors into ours.
func explain(m Manifest, messages []api.Message) error {
	var builtins []BuiltinImport
	for _, msg := range messages {
		match := unresolved.FindStringSubmatch(msg.Text)
		if match == nil {
			continue
		}
		if msg.Location == nil { // nobody imports the entry point
			return &ManifestError{fmt.Sprintf("the entry file %s does not exist in %s", m.Entry, m.Dir), `correct "main" in package.json (or build it first)`}
		}
		if IsBuiltin(match[1]) {
			builtins = append(builtins, BuiltinImport{Import: match[1], Importer: msg.Location.File, Line: msg.Location.Line})
		}
	}
	if m.Runtime != core.TagNode && len(builtins) > 0 {
		return errors.Join(&BuiltinError{Runtime: m.Runtime, Imports: builtins}, others(messages, len(builtins)))
	}
	return &BuildError{format(messages, api.ErrorMessage)}
}

// others is what is wrong besides the built-ins, or nil.
func others(messages []api.Message, builtins int) error {
	if len(messages) == builtins {
		return nil
	}
	rest := slices.DeleteFunc(slices.Clone(messages), func(msg api.Message) bool {
		match := unresolved.FindStringSubmatch(msg.Text)
		return match != nil && IsBuiltin(match[1])
	})
	return &BuildError{format(rest, api.ErrorMessage)}
}

// IsBuiltin says whether a module specifier names a module of Node.js itself.
// Source: require('node:module').builtinModules of Node.js 20 and 24; all others need the prefix.
func IsBuiltin(specifier string) bool {
	if strings.HasPrefix(specifier, "node:") {
		return true
	}
	name, _, _ := strings.Cut(specifier, "/")
	_, found := slices.BinarySearch(builtinModules, name)
	return found
}

var builtinModules = []string{
	"_http_agent", "_http_client", "_http_common", "_http_incoming", "_http_outgoing", "_http_server", "_stream_duplex",
	"_stream_passthrough", "_stream_readable", "_stream_transform", "_stream_wrap", "_stream_writable", "_tls_common", "_tls_wrap",
	"assert", "async_hooks", "buffer", "child_process", "cluster", "console", "constants", "crypto", "dgram", "diagnostics_channel",
	"dns", "domain", "events", "fs", "http", "http2", "https", "inspector", "module", "net", "os", "path", "perf_hooks", "process",
	"punycode", "querystring", "readline", "repl", "stream", "string_decoder", "sys", "timers", "tls", "trace_events", "tty", "url",
	"util", "v8", "vm", "wasi", "worker_threads", "zlib",
}
