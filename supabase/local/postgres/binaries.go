package postgres

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
)

// minMajor is the oldest PostgreSQL that the migrations run on: hosted Supabase's oldest.
const minMajor = 15

// binaries is one installation of PostgreSQL.
type binaries struct {
	dir   string // holds initdb and postgres
	major int
}

func (b binaries) path(name string) string {
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	return filepath.Join(b.dir, name)
}

// places lists the directories that PostgreSQL is commonly installed in, as glob patterns: Debian, Fedora, Homebrew, Postgres.app.
var places = []string{
	"/usr/lib/postgresql/*/bin",
	"/usr/pgsql-*/bin",
	"/opt/homebrew/opt/postgresql*/bin",
	"/usr/local/opt/postgresql*/bin",
	"/home/linuxbrew/.linuxbrew/opt/postgresql*/bin",
	"/Applications/Postgres.app/Contents/Versions/*/bin",
}

// findBinaries returns the newest installation there is, or the newest of one major version when want is not 0: a data directory can only
// be opened by the major version that made it.
func findBinaries(ctx context.Context, patterns []string, want int) (binaries, error) {
	var dirs []string
	for _, pattern := range patterns {
		found, err := filepath.Glob(pattern)
		if err != nil {
			return binaries{}, fmt.Errorf("look for PostgreSQL in %s: %w", pattern, err)
		}
		dirs = append(dirs, found...)
	}
	if onPath, err := exec.LookPath("postgres"); err == nil {
		if target, err := filepath.EvalSymlinks(onPath); err == nil {
			dirs = append(dirs, filepath.Dir(target))
		}
	}
	var usable []binaries
	for _, dir := range dirs {
		if b, err := inspect(ctx, dir); err == nil && b.major >= minMajor && (want == 0 || b.major == want) {
			usable = append(usable, b)
		}
	}
	if len(usable) == 0 {
		return binaries{}, ErrNoBinaries
	}
	return slices.MaxFunc(usable, func(a, b binaries) int { return a.major - b.major }), nil
}

var versionPattern = regexp.MustCompile(`\(PostgreSQL\) (\d+)`)

// inspect asks the programs in dir for their version. An error means that dir is no complete installation.
func inspect(ctx context.Context, dir string) (binaries, error) {
	b := binaries{dir: dir}
	if _, err := os.Stat(b.path("initdb")); err != nil {
		return b, err
	}
	out, err := exec.CommandContext(ctx, b.path("postgres"), "--version").Output()
	if err != nil {
		return b, fmt.Errorf("ask %s for its version: %w", b.path("postgres"), err)
	}
	m := versionPattern.FindSubmatch(out)
	if m == nil {
		return b, errors.New("not PostgreSQL: " + string(out))
	}
	b.major, err = strconv.Atoi(string(m[1]))
	return b, err
}
