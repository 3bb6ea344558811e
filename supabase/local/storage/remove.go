package storage

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// removed is a whole row as Storage reports it, of an object that was deleted or copied.
type removed struct {
	Name         string          `json:"name"`
	BucketID     string          `json:"bucket_id"`
	Owner        *string         `json:"owner"`
	OwnerID      *string         `json:"owner_id"`
	ID           string          `json:"id"`
	Version      *string         `json:"version"`
	UpdatedAt    *time.Time      `json:"updated_at"`
	CreatedAt    *time.Time      `json:"created_at"`
	LastAccessed *time.Time      `json:"last_accessed_at"`
	Metadata     json.RawMessage `json:"metadata"`
	UserMetadata json.RawMessage `json:"user_metadata"`
}

const removedColumns = `name, bucket_id, owner::text, owner_id, id::text, version, updated_at, created_at, last_accessed_at, metadata, user_metadata`

const maxRemovals = 1000

// deleteRows deletes under the policies of tx's role; nil keys means all of the bucket that the role may delete.
func deleteRows(ctx context.Context, tx pgx.Tx, bucket string, keys []string) ([]removed, error) {
	rows, err := tx.Query(ctx, `delete from storage.objects where bucket_id = $1 and ($2::text[] is null or name = any ($2))
		returning `+removedColumns,
		bucket, keys)
	if err != nil {
		return nil, err
	}
	return pgx.AppendRows([]removed{}, rows, pgx.RowToStructByPos[removed])
}

// forget deletes the bytes of rows that are gone for good.
func (s *Server) forget(gone []removed) {
	for _, o := range gone {
		if o.Version != nil {
			s.drop(place{o.BucketID, o.Name, *o.Version})
		}
	}
}

func (s *Server) remove(ctx context.Context, c call, operation string, keys []string) (gone []removed, err error) {
	err = s.as(ctx, c.caller, operation, nil, func(tx pgx.Tx) (err error) {
		gone, err = deleteRows(ctx, tx, c.bucket, keys)
		return err
	})
	if err != nil {
		return nil, err
	}
	s.forget(gone)
	return gone, nil
}

func (s *Server) removeOne(w http.ResponseWriter, r *http.Request, c call) error {
	gone, err := s.remove(r.Context(), c, "storage.object.delete", []string{c.key})
	if err != nil {
		return err
	}
	if len(gone) == 0 {
		return errObjectNotFound // or hidden, or not to be deleted: who may not delete it does not learn which
	}
	return writeJSON(w, map[string]string{"message": "Successfully deleted"})
}

// removeMany deletes what the caller may delete of the named objects, and lists what it deleted.
func (s *Server) removeMany(w http.ResponseWriter, r *http.Request, c call) error {
	var in struct {
		Prefixes []string `json:"prefixes"`
	}
	if err := decodeJSON(w, r, &in); err != nil {
		return err
	}
	switch {
	case in.Prefixes == nil:
		return errSchema("body must have required property 'prefixes'")
	case len(in.Prefixes) == 0:
		return errSchema("body/prefixes must NOT have fewer than 1 items")
	case len(in.Prefixes) > maxRemovals:
		return errSchema("body/prefixes must NOT have more than 1000 items")
	}
	gone, err := s.remove(r.Context(), c, "storage.object.delete_many", in.Prefixes)
	if err != nil {
		return err
	}
	return writeJSON(w, gone)
}

// emptyBucket deletes every object that the caller can see, or none: one that may be seen but not deleted is an error.
func (s *Server) emptyBucket(w http.ResponseWriter, r *http.Request, c call) error {
	ctx := r.Context()
	var gone []removed
	err := s.as(ctx, c.caller, "storage.bucket.empty", nil, func(tx pgx.Tx) (err error) {
		if _, err := findBucket(ctx, tx, c.bucket); err != nil {
			return err
		}
		if gone, err = deleteRows(ctx, tx, c.bucket, nil); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, `select name from storage.objects where bucket_id = $1 limit 10`, c.bucket)
		if err != nil {
			return err
		}
		left, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err == nil && len(left) > 0 {
			return errDenied("Cannot delete: " + strings.Join(left, " ,") + ", you may have SELECT but not DELETE permissions")
		}
		return err
	})
	if err != nil {
		return err
	}
	s.forget(gone)
	return writeJSON(w, map[string]string{"message": "Successfully emptied"})
}
