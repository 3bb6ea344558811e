package postgres

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
)

const (
	superuser = "supabase_admin"
	password  = "postgres" // every role's, as in Supabase local development
	confName  = "stark.conf"
)

// clusterMajor tells which major version made the data directory; 0 when there is none yet.
func clusterMajor(data string) (int, error) {
	raw, err := os.ReadFile(filepath.Join(data, "PG_VERSION"))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("%w: %w", ErrDir, err)
	}
	major, err := strconv.Atoi(strings.TrimSpace(string(raw)))
	if err != nil {
		return 0, fmt.Errorf("%w: %s/PG_VERSION: %w", ErrDir, data, err)
	}
	return major, nil
}

// initCluster makes a new data directory. It is built beside and moved into place, so a half-made one is never taken for a cluster.
func (s *Server) initCluster(ctx context.Context) error {
	s.cfg.Progress("Creating the database cluster")
	building := s.data + ".new"
	if err := os.RemoveAll(building); err != nil {
		return fmt.Errorf("clear %s: %w", building, err)
	}
	pwfile := filepath.Join(s.dir, "initdb.password")
	if err := os.WriteFile(pwfile, []byte(password+"\n"), 0o600); err != nil {
		return fmt.Errorf("write the initial password: %w", err)
	}
	defer func() { _ = os.Remove(pwfile) }() // of no use, and no secret, after this
	if err := s.id.own(pwfile); err != nil {
		return fmt.Errorf("hand over %s: %w", pwfile, err)
	}
	args := []string{"--pgdata", building, "--username", superuser, "--pwfile", pwfile, "--auth", "scram-sha-256", "--encoding", "UTF8"}
	args = append(args, locale()...)
	if s.cfg.Ephemeral {
		args = append(args, "--no-sync")
	}
	cmd := s.command(ctx, "initdb", args...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, strings.TrimSpace(string(out)))
	}
	conf := filepath.Join(building, "postgresql.conf")
	if err := appendLine(conf, "include '"+confName+"' # rewritten at every start; put your own settings below"); err != nil {
		return err
	}
	if err := os.Rename(building, s.data); err != nil {
		return fmt.Errorf("move the new cluster into place: %w", err)
	}
	return nil
}

// locale asks for code-point order and UTF-8 character classes, which hosted Supabase's C.UTF-8 has, by the name each system has for it.
func locale() []string {
	switch runtime.GOOS {
	case "linux":
		return []string{"--locale", "C.UTF-8"}
	case "darwin":
		return []string{"--lc-collate", "C", "--lc-ctype", "UTF-8", "--lc-messages", "C", "--lc-monetary", "C", "--lc-numeric", "C", "--lc-time", "C"}
	default:
		return []string{"--locale", "C"}
	}
}

// configure writes what this package decides; postgresql.conf includes it first, so that a user's own lines there win.
func (s *Server) configure() error {
	files := map[string]string{confName: settings(s.cfg.Ephemeral), "pg_hba.conf": hostAccess}
	for name, content := range files {
		path := filepath.Join(s.data, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			return fmt.Errorf("write %s: %w", path, err)
		}
		if err := s.id.own(path); err != nil {
			return fmt.Errorf("hand over %s: %w", path, err)
		}
	}
	return nil
}

const hostAccess = `# Written at every start. Loopback only, always with a password.
host all         all 127.0.0.1/32 scram-sha-256
host replication all 127.0.0.1/32 scram-sha-256
`

// settings is a laptop's configuration: logical decoding as on Supabase, little memory, and a bound on what a forgotten slot can keep.
func settings(ephemeral bool) string {
	conf := `# Written at every start.
wal_level = logical
max_wal_senders = 20
max_replication_slots = 20
max_slot_wal_keep_size = 1GB
max_connections = 200
password_encryption = 'scram-sha-256'
timezone = 'UTC'
log_timezone = 'UTC'
log_checkpoints = off
jit = off
max_wal_size = 1GB
`
	if ephemeral {
		// synchronous_commit stays on: without it commits reach logical decoding late.
		return conf + "shared_buffers = 32MB\nfsync = off\nfull_page_writes = off\n"
	}
	return conf + "shared_buffers = 128MB\ncheckpoint_timeout = 15min\n"
}

func appendLine(path, line string) (err error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return fmt.Errorf("append to %s: %w", path, err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if _, err := f.WriteString("\n" + line + "\n"); err != nil {
		return fmt.Errorf("append to %s: %w", path, err)
	}
	return nil
}
