package storage

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// metadata is what storage.objects.metadata holds about the bytes.
type metadata struct {
	ETag           string `json:"eTag,omitempty"` // quoted
	Size           int64  `json:"size"`
	MIMEType       string `json:"mimetype"`
	CacheControl   string `json:"cacheControl,omitempty"`
	LastModified   string `json:"lastModified,omitempty"` // RFC 3339
	ContentLength  int64  `json:"contentLength"`
	HTTPStatusCode int    `json:"httpStatusCode,omitempty"`
}

// object is a row of storage.objects.
type object struct {
	id, name, version string
	metadata          metadata
	userMetadata      json.RawMessage
	createdAt         time.Time
	updatedAt         time.Time
}

// modified is when the bytes were written.
func (o object) modified() time.Time {
	if t, err := time.Parse(time.RFC3339Nano, o.metadata.LastModified); err == nil {
		return t
	}
	return o.updatedAt
}

// findObject reads an object; with what rights, db says. One that may not be seen is errObjectNotFound.
func findObject(ctx context.Context, db querier, bucket, key string) (object, error) {
	var o object
	var text []byte
	err := db.QueryRow(ctx, `select id::text, name, coalesce(version, ''), coalesce(metadata, '{}'), coalesce(user_metadata, '{}'),
		coalesce(created_at, now()), coalesce(updated_at, now()) from storage.objects where bucket_id = $1 and name = $2`, bucket, key).
		Scan(&o.id, &o.name, &o.version, &text, &o.userMetadata, &o.createdAt, &o.updatedAt)
	if errors.Is(err, pgx.ErrNoRows) {
		return o, errObjectNotFound
	}
	if err != nil {
		return o, err
	}
	if err := json.Unmarshal(text, &o.metadata); err != nil {
		return o, fmt.Errorf("metadata of %s/%s: %w", bucket, key, err)
	}
	return o, nil
}

// newObject is a row that is about to be written.
type newObject struct {
	id, version, bucket, name string
	owner                     *string // UUID or nil
	ownerID                   *string
	metadata                  metadata
	userMetadata              json.RawMessage
}

// insert writes the row under the policies of tx's role. It asks for nothing back: to insert alone takes no right to select.
func (o newObject) insert(ctx context.Context, tx pgx.Tx) (id string, err error) {
	_, err = tx.Exec(ctx, `insert into storage.objects (id, bucket_id, name, owner, owner_id, version, metadata, user_metadata)
		values ($1, $2, $3, $4, $5, $6, $7, $8)`, o.id, o.bucket, o.name, o.owner, o.ownerID, o.version, o.metadata, o.userMetadata)
	if isUniqueViolation(err) {
		return "", errKeyExists
	}
	return o.id, err
}

// upsert writes the row over one that may be there; that takes the rights to insert, to select and to update. An API key does not become
// the owner of what a user owned. The id is that of the row that there is in the end.
func (o newObject) upsert(ctx context.Context, tx pgx.Tx) (id string, err error) {
	err = tx.QueryRow(ctx, `insert into storage.objects as o (id, bucket_id, name, owner, owner_id, version, metadata, user_metadata)
		values ($1, $2, $3, $4, $5, $6, $7, $8)
		on conflict (bucket_id, name) do update set version = excluded.version, metadata = excluded.metadata,
			user_metadata = excluded.user_metadata, owner = coalesce(excluded.owner, o.owner), owner_id = coalesce(excluded.owner_id, o.owner_id)
		returning id::text`, o.id, o.bucket, o.name, o.owner, o.ownerID, o.version, o.metadata, o.userMetadata).Scan(&id)
	return id, err
}
