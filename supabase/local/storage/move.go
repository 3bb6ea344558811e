package storage

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

const operationMove = "storage.object.move"

// move gives an object another name, and maybe another bucket. It takes the right to read it and to update it to what it becomes.
func (s *Server) move(w http.ResponseWriter, r *http.Request, c call) error {
	_, from, to, err := readTransfer(w, r, c)
	if err != nil {
		return err
	}
	find := s.asCaller(from, operationMove)
	for range 3 {
		err = s.moveOnce(r.Context(), from, to, find)
		if !errors.Is(err, errReplaced) {
			break
		}
	}
	if err != nil {
		return err
	}
	return writeJSON(w, map[string]string{"message": "Successfully moved"})
}

// errReplaced says that the source got other bytes while its old ones were on their way.
var errReplaced = errors.New("the object was replaced meanwhile")

func (s *Server) moveOnce(ctx context.Context, from, to call, find finder) error {
	o, err := find(ctx)
	if err != nil {
		return err
	}
	if from.bucket != to.bucket {
		if err := s.admitInto(ctx, to, o.metadata); err != nil {
			return err
		}
	}
	if from.bucket == to.bucket && from.key == to.key {
		err := s.as(ctx, from.caller, operationMove, nil, func(tx pgx.Tx) error { return rename(ctx, tx, o, from, to, o.version, o.metadata.LastModified) })
		if err != nil {
			return err
		}
		return nil
	}
	version := uuid.NewString()
	if o, err = s.linkFrom(ctx, from, to, find, version); err != nil {
		return err
	}
	return s.commitMove(ctx, from, to, o, version)
}

// commitMove moves the row to where a second link of its bytes is; the first goes last.
func (s *Server) commitMove(ctx context.Context, from, to call, o object, version string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitTimeout)
	defer cancel()
	written := false
	err := s.as(ctx, from.caller, operationMove, func(tx pgx.Tx) error { return lockBoth(ctx, tx, from, to) }, func(tx pgx.Tx) error {
		err := rename(ctx, tx, o, from, to, version, s.modifiedNow())
		written = err == nil
		return err
	})
	if err := s.settle(err, written, place{to.bucket, to.key, version}); err != nil {
		return err
	}
	s.drop(place{from.bucket, from.key, o.version})
	return nil
}

// lockBoth takes the locks of two names in an order that two moves against each other agree on.
func lockBoth(ctx context.Context, tx pgx.Tx, a, b call) error {
	calls := []call{a, b}
	slices.SortFunc(calls, func(x, y call) int {
		switch px, py := signedPath(x), signedPath(y); {
		case px < py:
			return -1
		case px > py:
			return 1
		}
		return 0
	})
	for _, c := range calls {
		if _, err := lockObject(ctx, tx, c.bucket, c.key); err != nil {
			return err
		}
	}
	return nil
}

// rename updates the row under the policies of tx's role. Whoever moves becomes the owner; an API key takes nobody's ownership.
func rename(ctx context.Context, tx pgx.Tx, o object, from, to call, version, modified string) error {
	var now *string
	err := tx.QueryRow(ctx, `select version from storage.objects where id = $1 and bucket_id = $2 and name = $3`, o.id, from.bucket, from.key).Scan(&now)
	if errors.Is(err, pgx.ErrNoRows) {
		return errObjectNotFound
	}
	if err != nil {
		return err
	}
	if now == nil || *now != o.version {
		return errReplaced
	}
	tag, err := tx.Exec(ctx, `update storage.objects set bucket_id = $2, name = $3, version = $4, owner = coalesce($5, owner),
		owner_id = coalesce($6, owner_id), metadata = coalesce(metadata, '{}') || jsonb_build_object('lastModified', $7::text) where id = $1`,
		o.id, to.bucket, to.key, version, to.caller.ownerUUID(), to.caller.ownerID(), modified)
	if err == nil && tag.RowsAffected() == 0 {
		return errObjectNotFound // it may be seen and not be updated
	}
	return err
}
