package local

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"github.com/stark-o/stark/supabase/local/postgres"
)

// chooseDir decides where the state is: in the given directory, or in a temporary one.
func (s *Stack) chooseDir() error {
	if !s.cfg.Ephemeral {
		if s.cfg.Dir == "" {
			return fmt.Errorf("%w: none given", postgres.ErrDir)
		}
		dir, err := filepath.Abs(s.cfg.Dir)
		if err != nil {
			return fmt.Errorf("%w: %w", postgres.ErrDir, err)
		}
		s.dir = dir
		return nil
	}
	dir, err := os.MkdirTemp("", "stark-")
	if err != nil {
		return fmt.Errorf("%w: %w", postgres.ErrDir, err)
	}
	s.dir, s.temporary = dir, true
	// Entered by all, listed by none: Postgres may have to run as another user.
	if err := os.Chmod(dir, 0o711); err != nil {
		return fmt.Errorf("%w: %w", postgres.ErrDir, err)
	}
	return nil
}

// DefaultDir is the state directory unless one is chosen: $STARK_HOME, else a folder of Stark's where the system keeps a program's state.
// Root gets one below /var/lib, since Postgres runs as another user, who may not enter root's home.
func DefaultDir(getenv func(string) string) (string, error) {
	if dir := getenv("STARK_HOME"); dir != "" {
		return dir, nil
	}
	if runtime.GOOS == "windows" {
		if base := getenv("LOCALAPPDATA"); base != "" {
			return filepath.Join(base, "stark"), nil
		}
	}
	if os.Geteuid() == 0 {
		return filepath.Join(string(filepath.Separator), "var", "lib", "stark"), nil
	}
	if base := getenv("XDG_STATE_HOME"); filepath.IsAbs(base) { // the XDG specification: a relative one is ignored
		return filepath.Join(base, "stark"), nil
	}
	home := getenv("HOME")
	switch {
	case home == "":
		return "", fmt.Errorf("%w: no home directory; set STARK_HOME", postgres.ErrDir)
	case runtime.GOOS == "darwin":
		return filepath.Join(home, "Library", "Application Support", "stark"), nil
	default:
		return filepath.Join(home, ".local", "state", "stark"), nil
	}
}
