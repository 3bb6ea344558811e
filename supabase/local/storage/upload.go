package storage

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

func (s *Server) upload(w http.ResponseWriter, r *http.Request, c call) error {
	return s.store(w, r, c, strings.EqualFold(r.Header.Get("x-upsert"), "true"), "storage.object.upload")
}

// replace is PUT: it always may overwrite.
func (s *Server) replace(w http.ResponseWriter, r *http.Request, c call) error {
	return s.store(w, r, c, true, "storage.object.upload_update")
}

// store takes an upload: limits, permission, bytes, row, in this order.
func (s *Server) store(w http.ResponseWriter, r *http.Request, c call, upsert bool, operation string) error {
	ctx := r.Context()
	b, err := findBucket(ctx, s.cfg.Pool, c.bucket)
	if err != nil {
		return err
	}
	in, err := readIncoming(r)
	if err != nil {
		return err
	}
	limit, err := s.admit(b, c.key, in)
	if err != nil {
		return err
	}
	o := c.newObject(in.metadata)
	if err := s.mayWrite(ctx, c, operation, o, in, upsert); err != nil {
		return err
	}
	up, err := s.disk.receive(in.body, limit)
	if failed := (*bodyError)(nil); errors.As(err, &failed) {
		return errInterrupted
	}
	if err != nil {
		return err
	}
	id, err := s.commit(ctx, c, operation, o, up, in, upsert)
	if err != nil {
		return errors.Join(err, s.disk.discard(up))
	}
	return writeJSON(w, map[string]string{"Key": c.bucket + "/" + c.key, "Id": id})
}

// newObject is the row that a call will write.
func (c call) newObject(userMetadata json.RawMessage) newObject {
	return newObject{
		id: uuid.NewString(), version: uuid.NewString(), bucket: c.bucket, name: c.key,
		owner: c.caller.ownerUUID(), ownerID: c.caller.ownerID(), userMetadata: userMetadata,
	}
}

// admit holds an upload against the bucket's limits, and says how many bytes it may have.
func (s *Server) admit(b bucket, key string, in incoming) (limit int64, err error) {
	limit = s.cfg.MaxFileSize
	if b.SizeLimit != nil {
		limit = min(limit, *b.SizeLimit)
	}
	if isEmptyFolder(key) {
		limit = 0
	} else if !b.accepts(in.contentType) {
		return 0, errMIME(in.contentType)
	}
	if in.length != nil && *in.length > limit {
		return 0, errTooLarge
	}
	return limit, nil
}

// mayWrite asks before the bytes are taken: whoever may not write does not get to send 50 MiB. Policies see what is known by then.
func (s *Server) mayWrite(ctx context.Context, c call, operation string, o newObject, in incoming, upsert bool) error {
	o.metadata = metadata{MIMEType: in.contentType, CacheControl: in.cacheControl}
	if in.length != nil {
		o.metadata.Size, o.metadata.ContentLength = *in.length, *in.length
	}
	err := s.as(ctx, c.caller, operation, nil, func(tx pgx.Tx) error {
		if _, err := o.write(ctx, tx, upsert); err != nil {
			return err
		}
		return errRollback
	})
	if errors.Is(err, errRollback) {
		return nil
	}
	return err
}

func (o newObject) write(ctx context.Context, tx pgx.Tx, upsert bool) (id string, err error) {
	if upsert {
		return o.upsert(ctx, tx)
	}
	return o.insert(ctx, tx)
}

// commitTimeout bounds the last step, which goes on when the client has gone: by then all bytes have arrived.
const commitTimeout = 30 * time.Second

// commit gives received bytes their place and then their row; permission is asked again, by the row as it is.
func (s *Server) commit(ctx context.Context, c call, operation string, o newObject, up received, in incoming, upsert bool) (id string, err error) {
	o.metadata = metadata{
		ETag: up.etag, Size: up.size, MIMEType: in.contentType, CacheControl: in.cacheControl,
		LastModified: s.modifiedNow(), ContentLength: up.size, HTTPStatusCode: http.StatusOK,
	}
	if err := s.disk.place(up, o.bucket, o.name, o.version); err != nil {
		return "", err
	}
	return s.commitPlaced(ctx, c, operation, o, upsert)
}

func (s *Server) modifiedNow() string { return s.cfg.Now().UTC().Format("2006-01-02T15:04:05.000Z") }

// commitPlaced writes the row of bytes that are in their place. The bytes that it replaces go last; with an error its own go, save where
// nobody can tell whether there is a row of them.
func (s *Server) commitPlaced(ctx context.Context, c call, operation string, o newObject, upsert bool) (id string, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitTimeout)
	defer cancel()
	var replaced string
	written := false
	err = s.as(ctx, c.caller, operation, func(tx pgx.Tx) (err error) {
		replaced, err = lockObject(ctx, tx, o.bucket, o.name)
		return err
	}, func(tx pgx.Tx) (err error) {
		id, err = o.write(ctx, tx, upsert)
		written = err == nil
		return err
	})
	if err := s.settle(err, written, place{o.bucket, o.name, o.version}); err != nil {
		return "", err
	}
	if replaced != "" {
		s.drop(place{o.bucket, o.name, replaced})
	}
	return id, nil
}

// place is where a version's bytes are.
type place struct{ bucket, key, version string }

// settle removes what was placed for a row that does not exist after all. written says that only COMMIT can have failed.
func (s *Server) settle(err error, written bool, placed place) error {
	if err == nil {
		return nil
	}
	if written && !isRefusal(err) {
		// Maybe COMMIT has happened all the same: a file too many is better than a row without one.
		return fmt.Errorf("commit an object: %w", err)
	}
	return errors.Join(err, s.disk.remove(placed.bucket, placed.key, placed.version))
}

// drop removes bytes that no row names any more.
func (s *Server) drop(old place) {
	if err := s.disk.remove(old.bucket, old.key, old.version); err != nil {
		s.cfg.Log.Warn("a version's bytes stay until the next start", "bucket", old.bucket, "error", err)
	}
}

// lockObject makes writers of one name wait for each other, also while no row exists yet, and reads the version that is there; "" if none.
func lockObject(ctx context.Context, tx pgx.Tx, bucket, key string) (version string, err error) {
	if _, err := tx.Exec(ctx, `select pg_advisory_xact_lock(hashtextextended($1 || '/' || $2, 0))`, bucket, key); err != nil {
		return "", fmt.Errorf("lock object: %w", err)
	}
	err = tx.QueryRow(ctx, `select coalesce(version, '') from storage.objects where bucket_id = $1 and name = $2 for update`, bucket, key).Scan(&version)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return "", fmt.Errorf("lock object: %w", err)
	}
	return version, nil
}

// isRefusal says that Postgres answered with an error and went on: then nothing was committed for sure.
func isRefusal(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.SeverityUnlocalized == "ERROR"
}
