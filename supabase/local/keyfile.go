package local

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/stark-o/stark/supabase/local/keys"
)

// keyFile holds the key material, below the state directory. Deleting it makes a new project of the stack: all tokens and keys change.
const keyFile = "keys.json"

// loadMaterial reads the material, or makes it when there is none yet. The caller holds the state directory's lock.
func loadMaterial(path string) (keys.Material, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return newMaterial(path)
	}
	if err != nil {
		return keys.Material{}, fmt.Errorf("read the keys: %w", err)
	}
	var material keys.Material
	if err := json.Unmarshal(text, &material); err != nil {
		return material, fmt.Errorf("%w: %s: %w; delete it to get new keys, which ends all sessions", keys.ErrMaterial, path, err)
	}
	return material, nil
}

func newMaterial(path string) (keys.Material, error) {
	material, err := keys.Generate()
	if err != nil {
		return material, err
	}
	text, err := json.MarshalIndent(material, "", "  ")
	if err != nil {
		return material, fmt.Errorf("write the keys: %w", err)
	}
	if err := writeSecret(path, append(text, '\n')); err != nil {
		return material, fmt.Errorf("write the keys: %w", err)
	}
	return material, nil
}

// writeSecret writes a file that only its owner reads, whole or not at all.
func writeSecret(path string, text []byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	_, err = f.Write(text)
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
