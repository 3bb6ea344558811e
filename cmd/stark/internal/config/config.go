// Package config keeps what the CLI remembers between runs: the servers it knows, the login at each, and which of them is in use.
//
// It is one JSON file, readable by its owner only and always replaced as a whole, so that a crash leaves the old or the new one.
package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// DefaultContext is the name of the context that the first `stark login` writes.
const DefaultContext = "default"

// ErrNoContext says that nobody has logged in yet, or that they have logged out.
var ErrNoContext = errors.New("not logged in")

// Context is a server and the login there.
type Context struct {
	Server       string    `json:"server"`
	SupabaseURL  string    `json:"supabaseUrl"`
	AnonKey      string    `json:"anonKey"`
	Email        string    `json:"email"`
	AccessToken  string    `json:"accessToken"`
	RefreshToken string    `json:"refreshToken,omitempty"`
	ExpiresAt    time.Time `json:"expiresAt"` // of AccessToken
}

// File is the whole file.
type File struct {
	CurrentContext string             `json:"currentContext"`
	Contexts       map[string]Context `json:"contexts"`
}

// Current is the context in use, or ErrNoContext.
func (f *File) Current() (Context, error) { return f.Get(f.CurrentContext) }

// Get is the context of that name, or ErrNoContext.
func (f *File) Get(name string) (Context, error) {
	c, ok := f.Contexts[name]
	if !ok {
		return Context{}, ErrNoContext
	}
	return c, nil
}

// Names are the contexts' names, sorted.
func (f *File) Names() []string { return slices.Sorted(maps.Keys(f.Contexts)) }

// Set writes the context of that name.
func (f *File) Set(name string, c Context) {
	if f.Contexts == nil {
		f.Contexts = map[string]Context{}
	}
	f.Contexts[name] = c
}

// Remove forgets the context of that name. When it was in use, none is.
func (f *File) Remove(name string) {
	delete(f.Contexts, name)
	if f.CurrentContext == name {
		f.CurrentContext = ""
	}
}

// At is the name of a context for that server: the one in use if it is for it, else the first such; "" when there is none.
func (f *File) At(server string) string {
	if c, err := f.Current(); err == nil && c.Server == server {
		return f.CurrentContext
	}
	for _, name := range f.Names() {
		if f.Contexts[name].Server == server {
			return name
		}
	}
	return ""
}

// NameFor is the name that a login at that server is kept under, when none was asked for: that of its context, DefaultContext for the very
// first, else the server's host and port, made free.
func (f *File) NameFor(server string) string {
	if name := f.At(server); name != "" {
		return name
	}
	if len(f.Contexts) == 0 {
		return DefaultContext
	}
	host := server
	if u, err := url.Parse(server); err == nil && u.Host != "" {
		host = u.Host
	}
	name := host
	for n := 2; ; n++ {
		if _, taken := f.Contexts[name]; !taken {
			return name
		}
		name = fmt.Sprintf("%s-%d", host, n)
	}
}

// Store reads and writes the file at Path.
type Store struct{ Path string }

// DefaultPath is override (the value of $STARK_CONFIG) when that is set, else stark/config.json under the user's configuration directory.
func DefaultPath(override string) (string, error) {
	if override != "" {
		return override, nil
	}
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", fmt.Errorf("find the configuration directory (set $STARK_CONFIG to choose a file): %w", err)
	}
	return filepath.Join(dir, "stark", "config.json"), nil
}

// Load reads the file. A missing one is an empty File.
func (s Store) Load() (*File, error) {
	raw, err := os.ReadFile(s.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return &File{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	var f File
	if err := json.Unmarshal(raw, &f); err != nil {
		return nil, fmt.Errorf("read the configuration %s: %w", s.Path, err)
	}
	return &f, nil
}

// Save replaces the file: mode 0600 in a directory of mode 0700, written beside it, synced and renamed over it.
func (s Store) Save(f *File) (err error) {
	raw, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return fmt.Errorf("encode the configuration: %w", err)
	}
	dir := filepath.Dir(s.Path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make the configuration directory: %w", err)
	}
	// CreateTemp makes the file with mode 0600.
	tmp, err := os.CreateTemp(dir, ".config-*.json")
	if err != nil {
		return fmt.Errorf("write the configuration: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, discard(tmp))
		}
	}()
	if _, err := tmp.Write(append(raw, '\n')); err != nil {
		return fmt.Errorf("write the configuration: %w", err)
	}
	if err := tmp.Sync(); err != nil {
		return fmt.Errorf("write the configuration: %w", err)
	}
	if err := tmp.Close(); err != nil {
		return fmt.Errorf("write the configuration: %w", err)
	}
	if err := os.Rename(tmp.Name(), s.Path); err != nil {
		return fmt.Errorf("replace the configuration: %w", err)
	}
	return nil
}

func discard(tmp *os.File) error {
	closeErr := tmp.Close()
	if errors.Is(closeErr, os.ErrClosed) {
		closeErr = nil
	}
	return errors.Join(closeErr, os.Remove(tmp.Name()))
}

// Update loads the file, lets change edit it, and saves it, while no other process does the same. Nothing is saved when change fails.
func (s Store) Update(change func(*File) error) error {
	unlock, err := s.lock()
	if err != nil {
		return err
	}
	f, err := s.Load()
	if err == nil {
		err = change(f)
	}
	if err == nil {
		err = s.Save(f)
	}
	return errors.Join(err, unlock())
}

// lock takes the lock file beside the configuration. The lock dies with the process; the empty file stays.
func (s Store) lock() (unlock func() error, err error) {
	if err := os.MkdirAll(filepath.Dir(s.Path), 0o700); err != nil {
		return nil, fmt.Errorf("make the configuration directory: %w", err)
	}
	f, err := os.OpenFile(s.Path+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock the configuration: %w", err)
	}
	if err := lockFile(f); err != nil {
		return nil, errors.Join(fmt.Errorf("lock the configuration: %w", err), f.Close())
	}
	return f.Close, nil // closing releases
}
