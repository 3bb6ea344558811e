package storage

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/jackc/pgx/v5"
)

// sweep removes files that no row names: what a crash left between the bytes and the row. It runs before requests are taken, so nothing
// that is being uploaded can look like a leftover.
func (s *Server) sweep(ctx context.Context) error {
	temporary, err := filepath.Glob(filepath.Join(s.disk.temp, "upload-*"))
	if err != nil {
		return fmt.Errorf("storage: sweep: %w", err)
	}
	for _, path := range temporary {
		if err := ignoreMissing(os.Remove(path)); err != nil {
			return fmt.Errorf("storage: sweep: %w", err)
		}
	}
	known, err := s.knownFiles(ctx)
	if err != nil {
		return fmt.Errorf("storage: sweep: %w", err)
	}
	swept := 0
	err = filepath.WalkDir(s.disk.objects, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || known[path] {
			return err
		}
		swept++
		return ignoreMissing(os.Remove(path))
	})
	if err != nil {
		return fmt.Errorf("storage: sweep: %w", err)
	}
	if swept > 0 {
		s.cfg.Log.Info("removed files that no object names", "files", swept)
	}
	return nil
}

// knownFiles are the paths of all versions that rows name. row_security = off turns a policy that would hide rows from us, and so make
// their bytes look like leftovers, into an error.
func (s *Server) knownFiles(ctx context.Context) (map[string]bool, error) {
	known := map[string]bool{}
	err := pgx.BeginFunc(ctx, s.cfg.Pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `set local row_security = off`); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, `select bucket_id, name, version from storage.objects where version is not null`)
		if err != nil {
			return err
		}
		var bucket, name, version string
		_, err = pgx.ForEachRow(rows, []any{&bucket, &name, &version}, func() error {
			known[s.disk.path(bucket, name, version)] = true
			return nil
		})
		return err
	})
	return known, err
}
