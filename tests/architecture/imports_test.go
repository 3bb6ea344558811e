// Package architecture holds the rooms of the program apart: which may import which, and what the pure ones must not touch.
package architecture

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const module = "github.com/stark-o/stark/"

// rooms says which rooms each room of backend/ may import. Imports point inward:
//
//	core ← sched, cluster, wire, auth, store, feed, supa ← control, hub, watch ← api ← app ← cmd
//
// and store, feed, hub and api never import each other. Another edge is a decision: make it here, and in AGENTS.md.
var rooms = map[string][]string{
	"core":    {},
	"sched":   {"core"},
	"cluster": {"core"},
	"wire":    {"core"},
	"auth":    {"core"},
	"feed":    {"core"},
	"store":   {"core", "wire"},
	"supa":    {"core", "wire"},
	"control": {"core", "cluster", "sched"},
	"hub":     {"core", "cluster", "wire"},
	"watch":   {"core", "wire"},
	"api":     {"core", "wire"},
	"app":     {"api", "auth", "cluster", "control", "core", "feed", "hub", "store", "supa", "watch", "wire"},
}

// pack is a package as `go list` shows it.
type pack struct {
	ImportPath string
	Dir        string
	GoFiles    []string
	Imports    []string // of the code itself, not of its tests
	Deps       []string // all of it, transitively
}

func (p pack) short() string { return strings.TrimPrefix(p.ImportPath, module) }

// room is the first element below backend/, "" outside of it.
func (p pack) room() string {
	rest, inside := strings.CutPrefix(p.short(), "backend/")
	if !inside {
		return ""
	}
	room, _, _ := strings.Cut(rest, "/")
	return room
}

func packages(t *testing.T, patterns ...string) (packs []pack) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", append([]string{"list", "-json=ImportPath,Dir,GoFiles,Imports,Deps"}, patterns...)...)
	cmd.Dir = filepath.Join("..", "..")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, stderr.String())
	dec := json.NewDecoder(bytes.NewReader(out))
	for {
		var p pack
		err := dec.Decode(&p)
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		packs = append(packs, p)
	}
	require.NotEmpty(t, packs)
	return packs
}

func TestImportsPointInward(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, p := range packages(t, "./backend/...") {
		room := p.room()
		allowed, known := rooms[room]
		if !assert.True(t, known, "%s is a room that this test does not know: say what it may import", p.short()) {
			continue
		}
		seen[room] = true
		for _, path := range p.Imports {
			imported := pack{ImportPath: path}
			if !strings.HasPrefix(path, module) || imported.room() == room {
				continue
			}
			assert.Contains(t, allowed, imported.room(), "%s imports %s", p.short(), imported.short())
		}
	}
	for room := range rooms {
		assert.True(t, seen[room], "there is no backend/%s", room)
	}
}

// These four meet in the composition root and nowhere else, not even through a third.
func TestStoreFeedHubAndAPIDoNotKnowEachOther(t *testing.T) {
	t.Parallel()
	apart := []string{"store", "feed", "hub", "api"}
	for _, p := range packages(t, "./backend/...") {
		if !slices.Contains(apart, p.room()) {
			continue
		}
		for _, dep := range p.Deps {
			other := pack{ImportPath: dep}.room()
			assert.False(t, strings.HasPrefix(dep, module) && other != p.room() && slices.Contains(apart, other), "%s depends on %s", p.short(), dep)
		}
	}
}

// Nothing in backend/ may know whether it talks to the embedded stack, to `supabase start` or to a hosted project; and nothing knows the CLI.
func TestBackendDoesNotKnowWhichSupabase(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t, "./backend/...") {
		for _, dep := range p.Deps {
			for _, outside := range []string{"supabase", "cmd", "tests", "functions"} {
				assert.False(t, dep == module+outside || strings.HasPrefix(dep, module+outside+"/"), "%s depends on %s", p.short(), dep)
			}
		}
	}
}

func TestOnlySupaUsesTheSupabaseClients(t *testing.T) {
	t.Parallel()
	used := false
	for _, p := range packages(t, "./backend/...") {
		for _, path := range p.Imports {
			if strings.HasPrefix(path, "github.com/supabase-community/") {
				assert.Equal(t, "supa", p.room(), "%s imports %s", p.short(), path)
				used = true
			}
		}
	}
	assert.True(t, used, "backend/supa uses the official client")
}

// Statements are store's and the replication stream is feed's. app only reads the database's address.
func TestOnlyStoreAndFeedSpeakToPostgres(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t, "./backend/...") {
		for _, path := range p.Imports {
			if strings.HasPrefix(path, "github.com/jackc/") || path == "database/sql" {
				reads := p.room() == "app" && path == "github.com/jackc/pgx/v5"
				assert.True(t, reads || p.room() == "store" || p.room() == "feed", "%s imports %s", p.short(), path)
			}
		}
	}
}

// The pure rooms do no I/O. Only direct imports count: uuid itself imports net and os.
func TestPureRoomsDoNoIO(t *testing.T) {
	t.Parallel()
	forbidden := []string{"net", "os", "database", "syscall", "log", "io/fs", "io/ioutil", "path/filepath", "embed", "context", "sync"}
	for _, p := range packages(t, "./backend/core/...", "./backend/sched/...") {
		for _, path := range p.Imports {
			for _, root := range forbidden {
				assert.False(t, path == root || strings.HasPrefix(path, root+"/"), "%s imports %s", p.short(), path)
			}
		}
	}
}

// clocks are the functions that read a clock or wait for one.
var clocks = []string{"Now", "Since", "Until", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker", "Sleep"}

// dice are the functions of math/rand/v2 that need no seed of the caller's.
var dice = []string{"N", "Int", "IntN", "Int32", "Int32N", "Int64", "Int64N", "Uint32", "Uint64", "UintN", "Float32", "Float64", "Perm", "Shuffle",
	"NormFloat64", "ExpFloat64"}

// The pure rooms read no clock and throw no dice: time and seed are passed in.
func TestPureRoomsReadNoClock(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t, "./backend/core/...", "./backend/sched/...") {
		for _, file := range p.GoFiles {
			for _, call := range impure(t, filepath.Join(p.Dir, file)) {
				assert.Fail(t, "not pure", "%s/%s uses %s", p.short(), file, call)
			}
		}
	}
}

func impure(t *testing.T, path string) (found []string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
	require.NoError(t, err)
	names := map[string][]string{} // local name of the package → what of it is not pure
	for _, spec := range file.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		require.NoError(t, err)
		list := map[string][]string{"time": clocks, "math/rand": append([]string{"Intn", "Seed"}, dice...), "math/rand/v2": dice}[imported]
		if list == nil {
			continue
		}
		name := map[string]string{"time": "time"}[imported]
		if name == "" {
			name = "rand"
		}
		if spec.Name != nil {
			name = spec.Name.Name
		}
		require.NotEqual(t, ".", name, "%s: a dot import hides what is used", path)
		names[name] = list
	}
	ast.Inspect(file, func(n ast.Node) bool {
		sel, isSelector := n.(*ast.SelectorExpr)
		if !isSelector {
			return true
		}
		if pkg, isName := sel.X.(*ast.Ident); isName && slices.Contains(names[pkg.Name], sel.Sel.Name) {
			found = append(found, pkg.Name+"."+sel.Sel.Name)
		}
		return true
	})
	return found
}
