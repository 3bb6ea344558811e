package postgres

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

const lockName = "stack.lock"

// acquireLock makes this process the only one that uses dir, until the returned file is closed or the process ends in whatever way.
func acquireLock(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, lockName), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, fmt.Errorf("%w: open its lock file: %w", ErrDir, err)
	}
	if err := tryLock(f); err != nil {
		held := errors.Is(err, errHeld)
		pid := readPID(f)
		_ = f.Close() // nothing was written
		if held {
			return nil, &LockedError{Dir: dir, PID: pid}
		}
		return nil, fmt.Errorf("%w: lock %s: %w", ErrDir, f.Name(), err)
	}
	if err := errors.Join(f.Truncate(0), writePID(f)); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("%w: write %s: %w", ErrDir, f.Name(), err)
	}
	return f, nil
}

// releaseLock gives the lock back.
func releaseLock(f *os.File) error { return errors.Join(unlock(f), f.Close()) }

// Held returns a *LockedError when another process, or another server of this one, uses the state directory right now, and nil otherwise.
func Held(dir string) error {
	f, err := os.OpenFile(filepath.Join(dir, lockName), os.O_RDWR, 0)
	if err != nil {
		return nil // no lock file: nobody was ever here
	}
	defer func() { _ = f.Close() }() // nothing was written
	switch err := tryLock(f); {
	case errors.Is(err, errHeld):
		return &LockedError{Dir: dir, PID: readPID(f)}
	case err == nil:
		_ = unlock(f) // closing it does the same, a moment later
	}
	return nil
}

// errHeld says that another process holds the lock.
var errHeld = errors.New("lock held")

func writePID(f *os.File) error {
	_, err := f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return err
}

func readPID(f *os.File) int {
	buf := make([]byte, 32)
	n, _ := f.ReadAt(buf, 0) // a short or failed read yields 0: unknown
	pid, err := strconv.Atoi(strings.TrimSpace(string(buf[:n])))
	if err != nil {
		return 0
	}
	return pid
}
