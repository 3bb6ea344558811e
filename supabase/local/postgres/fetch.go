package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	embeddedpostgres "github.com/fergusstrange/embedded-postgres"
)

const (
	mavenCentral = "https://repo1.maven.org/maven2"
	wantedMajor  = 17 // when nothing says otherwise: hosted Supabase's
)

// fetchable are the releases that the library knows, by major version.
var fetchable = map[int]embeddedpostgres.PostgresVersion{
	15: embeddedpostgres.V15, 16: embeddedpostgres.V16, 17: embeddedpostgres.V17, 18: embeddedpostgres.V18,
}

// fetchBinaries downloads PostgreSQL for this machine and keeps it in the programs' directory. major 0 leaves the choice to us.
func (s *Server) fetchBinaries(ctx context.Context, major int) (binaries, error) {
	if major == 0 {
		major = wantedMajor
	}
	version, ok := fetchable[major]
	if !ok {
		return binaries{}, fmt.Errorf("%w: %s was made by PostgreSQL %d, which cannot be fetched: install it", ErrNoBinaries, s.data, major)
	}
	s.cfg.Log.Info("no PostgreSQL on this machine; fetching one", "version", version, "into", s.programs)
	if err := s.download(ctx, version); err != nil {
		return binaries{}, fmt.Errorf("%w: none is installed, and fetching PostgreSQL %s failed: %w", ErrNoBinaries, version, err)
	}
	found, err := findBinaries(ctx, []string{filepath.Join(s.programs, "*", "bin")}, major)
	if err != nil {
		return binaries{}, fmt.Errorf("the PostgreSQL that was fetched into %s does not run here: %w; install PostgreSQL %d or newer", s.programs, err, minMajor)
	}
	return found, nil
}

// download puts a complete installation into the programs' directory, or nothing.
func (s *Server) download(ctx context.Context, version embeddedpostgres.PostgresVersion) (err error) {
	if err := os.MkdirAll(s.programs, 0o755); err != nil {
		return err
	}
	if err := os.Chmod(s.programs, 0o755); err != nil { // whatever the umask: Postgres may run as another user
		return err
	}
	if err := s.id.reaches(s.programs); err != nil {
		return err
	}
	work, err := os.MkdirTemp(s.programs, ".fetching-") // beside its goal, so that moving it is one step
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	relay, err := startRelay(ctx, s.repository(), s.progressOf(version))
	if err != nil {
		return err
	}
	libraryErr := extract(relay.url(), version, work)
	if err := relay.stop(); err != nil {
		return err // the cause, where the library only has a symptom
	}
	if libraryErr != nil {
		return libraryErr
	}
	if err := s.id.own(work); err != nil {
		return err
	}
	goal := filepath.Join(s.programs, "postgresql-"+string(version))
	if err := os.Rename(filepath.Join(work, "dist"), goal); err != nil && !errors.Is(err, os.ErrExist) {
		return err // that it exists: another process was faster
	}
	return nil
}

// extract has the library download and unpack into work/dist. The library has no call for that alone: it goes on to start a server, which is
// not ours (it knows neither our user nor our settings). So it is given a data directory that it takes for one and pg_ctl does not. What
// tells success is the runtime directory: the library removes it first and makes it again once everything is unpacked.
func extract(url string, version embeddedpostgres.PostgresVersion, work string) error {
	data := filepath.Join(work, "no-data")
	if err := os.Mkdir(data, 0o700); err != nil {
		return err
	}
	major, _, _ := strings.Cut(string(version), ".")
	if err := os.WriteFile(filepath.Join(data, "PG_VERSION"), []byte(major+"\n"), 0o600); err != nil {
		return err
	}
	runtime := filepath.Join(work, "runtime")
	server := embeddedpostgres.NewDatabase(embeddedpostgres.DefaultConfig().Version(version).Port(0).BinaryRepositoryURL(url).
		CachePath(filepath.Join(work, "cache")).RuntimePath(runtime).BinariesPath(filepath.Join(work, "dist")).DataPath(data).Logger(io.Discard))
	err := server.Start()
	if err == nil {
		return errors.Join(errors.New("the library started a server of its own"), server.Stop())
	}
	if _, missing := os.Stat(runtime); missing == nil {
		return nil // it came as far as pg_ctl
	}
	return err
}

func (s *Server) repository() string {
	if s.cfg.BinaryRepositoryURL != "" {
		return s.cfg.BinaryRepositoryURL
	}
	return mavenCentral
}

// progressOf tells about a download in steps that a person can read.
func (s *Server) progressOf(version embeddedpostgres.PostgresVersion) func(got, of int64) {
	last := int64(-1)
	return func(got, of int64) {
		if of <= 0 {
			return
		}
		if percent := got * 100 / of; percent/10 != last/10 || last < 0 {
			last = percent
			s.cfg.Progress("Downloading PostgreSQL " + string(version) + ": " + strconv.FormatInt(percent, 10) + "% of " +
				strconv.FormatInt(max(of>>20, 1), 10) + " MB")
		}
	}
}

// programsDir is where a fetched PostgreSQL is kept: below the state directory, or, for a state that is not kept, in the user's cache.
func programsDir(cfg Config, state string) (string, error) {
	if cfg.BinariesDir != "" {
		return filepath.Abs(cfg.BinariesDir)
	}
	if !cfg.Ephemeral {
		return filepath.Join(state, "dist"), nil
	}
	if os.Geteuid() == 0 {
		return "/var/cache/stark", nil // root's own cache is closed to the user that Postgres runs as
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return filepath.Join(state, "dist"), nil // no home: then without keeping it
	}
	return filepath.Join(cache, "stark"), nil
}
