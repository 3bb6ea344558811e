package storage

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// bucket is a row of storage.buckets as Storage shows it.
type bucket struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	Owner     string    `json:"owner"`
	Public    bool      `json:"public"`
	Type      string    `json:"type"`
	SizeLimit *int64    `json:"file_size_limit"` // bytes
	MIMETypes []string  `json:"allowed_mime_types"`
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
}

const bucketColumns = `id, name, coalesce(owner::text, owner_id, ''), coalesce(public, false), type::text, file_size_limit,
	allowed_mime_types, coalesce(created_at, now()), coalesce(updated_at, now())`

func scanBucket(row pgx.Row) (bucket, error) {
	var b bucket
	err := row.Scan(&b.ID, &b.Name, &b.Owner, &b.Public, &b.Type, &b.SizeLimit, &b.MIMETypes, &b.CreatedAt, &b.UpdatedAt)
	if errors.Is(err, pgx.ErrNoRows) {
		return b, errBucketNotFound
	}
	return b, err
}

// querier is a pool or a transaction.
type querier interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// findBucket reads a bucket; with what rights, db says. A bucket that may not be seen is errBucketNotFound.
func findBucket(ctx context.Context, db querier, id string) (bucket, error) {
	return scanBucket(db.QueryRow(ctx, `select `+bucketColumns+` from storage.buckets where id = $1`, id))
}

// bucketBody is the body of creating and updating.
type bucketBody struct {
	ID        string          `json:"id"`
	Name      string          `json:"name"`
	Type      string          `json:"type"`
	Public    *bool           `json:"public"`
	SizeLimit json.RawMessage `json:"file_size_limit"` // bytes, "50MB", or null; absent: nil
	MIMETypes json.RawMessage `json:"allowed_mime_types"`
}

// limits reads what a bucket will hold; nil is no limit.
func (s *Server) limits(in bucketBody) (size *int64, types []string, err error) {
	if size, err = s.sizeLimit(in.SizeLimit); err != nil {
		return nil, nil, err
	}
	if len(in.MIMETypes) > 0 {
		if err := json.Unmarshal(in.MIMETypes, &types); err != nil {
			return nil, nil, errSchema("body/allowed_mime_types must be array")
		}
	}
	types, err = mimeTypes(types)
	return size, types, err
}

func (s *Server) createBucket(w http.ResponseWriter, r *http.Request, c call) error {
	var in bucketBody
	if err := decodeJSON(w, r, &in); err != nil {
		return err
	}
	if in.Name == "" {
		return errSchema("body must have required property 'name'")
	}
	if in.Type != "" && in.Type != "STANDARD" {
		return errUnimplemented(in.Type + " buckets")
	}
	if in.ID == "" {
		in.ID = in.Name
	}
	if !ValidBucket(in.ID) || !ValidBucket(in.Name) {
		return errBucketName
	}
	size, types, err := s.limits(in)
	if err != nil {
		return err
	}
	isPublic := in.Public != nil && *in.Public
	err = s.as(r.Context(), c.caller, "storage.bucket.create", nil, func(tx pgx.Tx) error {
		_, err := tx.Exec(r.Context(), `insert into storage.buckets (id, name, owner, owner_id, public, file_size_limit, allowed_mime_types)
			values ($1, $2, $3, $4, $5, $6, $7)`, in.ID, in.Name, c.caller.ownerUUID(), c.caller.ownerID(), isPublic, size, types)
		return err
	})
	if isUniqueViolation(err) {
		return errBucketExists
	}
	if err != nil {
		return err
	}
	return writeJSON(w, map[string]string{"name": in.Name})
}

func (s *Server) getBucket(w http.ResponseWriter, r *http.Request, c call) error {
	b, err := s.callersBucket(r.Context(), c, "storage.bucket.get")
	if err != nil {
		return err
	}
	return writeJSON(w, b)
}

func (s *Server) callersBucket(ctx context.Context, c call, operation string) (b bucket, err error) {
	err = s.as(ctx, c.caller, operation, nil, func(tx pgx.Tx) (err error) {
		b, err = findBucket(ctx, tx, c.bucket)
		return err
	})
	return b, err
}

// updateBucket changes what the body names; null takes a limit away.
func (s *Server) updateBucket(w http.ResponseWriter, r *http.Request, c call) error {
	var in bucketBody
	if err := decodeJSON(w, r, &in); err != nil {
		return err
	}
	size, types, err := s.limits(in)
	if err != nil {
		return err
	}
	err = s.as(r.Context(), c.caller, "storage.bucket.update", nil, func(tx pgx.Tx) error {
		tag, err := tx.Exec(r.Context(), `update storage.buckets set public = coalesce($2, public),
			file_size_limit = case when $3 then $4 else file_size_limit end,
			allowed_mime_types = case when $5 then $6 else allowed_mime_types end, updated_at = now()
			where id = $1`, c.bucket, in.Public, in.SizeLimit != nil, size, in.MIMETypes != nil, types)
		if err == nil && tag.RowsAffected() == 0 {
			return errBucketNotFound
		}
		return err
	})
	if err != nil {
		return err
	}
	return writeJSON(w, map[string]string{"message": "Successfully updated"})
}

// deleteBucket leaves it to the foreign key to keep a bucket that holds objects, seen or unseen; who may not delete a bucket does not learn.
func (s *Server) deleteBucket(w http.ResponseWriter, r *http.Request, c call) error {
	err := s.as(r.Context(), c.caller, "storage.bucket.delete", nil, func(tx pgx.Tx) error {
		tag, err := tx.Exec(r.Context(), `delete from storage.buckets where id = $1`, c.bucket)
		if err == nil && tag.RowsAffected() == 0 {
			return errBucketNotFound
		}
		return err
	})
	if err != nil {
		return err
	}
	return writeJSON(w, map[string]string{"message": "Successfully deleted"})
}

func isUniqueViolation(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == "23505"
}
