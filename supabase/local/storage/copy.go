package storage

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

const operationCopy = "storage.object.copy"

// copied is the new object as Storage reports it; Id is its name of old.
type copied struct {
	OldID string `json:"Id"`
	Key   string `json:"Key"`
	removed
}

// copy makes another object of the same bytes. It takes the right to read the one and to write the other.
func (s *Server) copy(w http.ResponseWriter, r *http.Request, c call) error {
	in, from, to, err := readTransfer(w, r, c)
	if err != nil {
		return err
	}
	upsert := strings.EqualFold(r.Header.Get("x-upsert"), "true")
	find := s.asCaller(from, operationCopy)
	o, err := find(r.Context())
	if err != nil {
		return err
	}
	into, err := s.copyOf(r, in, o, to)
	if err != nil {
		return err
	}
	if from.bucket != to.bucket || into.metadata.MIMEType != o.metadata.MIMEType {
		if err := s.admitInto(r.Context(), to, into.metadata); err != nil {
			return err
		}
	}
	declared := incoming{length: &o.metadata.Size, contentType: into.metadata.MIMEType, cacheControl: into.metadata.CacheControl}
	if err := s.mayWrite(r.Context(), to, operationCopy, into, declared, upsert); err != nil {
		return err
	}
	if o, err = s.linkFrom(r.Context(), from, to, find, into.version); err != nil {
		return err
	}
	into.metadata.ETag, into.metadata.Size, into.metadata.ContentLength = o.metadata.ETag, o.metadata.Size, o.metadata.Size
	if _, err := s.commitPlaced(r.Context(), to, operationCopy, into, upsert); err != nil {
		return err
	}
	made, err := s.asWritten(r.Context(), to)
	if err != nil {
		return err
	}
	return writeJSON(w, copied{made.ID, to.bucket + "/" + to.key, made})
}

// copyOf is the row of the copy: with the source's metadata, or with what the request says instead.
func (s *Server) copyOf(r *http.Request, in transferBody, o object, to call) (newObject, error) {
	into := to.newObject(o.userMetadata)
	into.metadata = o.metadata
	if in.CopyMetadata != nil && !*in.CopyMetadata {
		var said struct {
			MIMEType     *string `json:"mimetype"`
			CacheControl *string `json:"cacheControl"`
		}
		if len(in.Metadata) > 0 {
			if err := json.Unmarshal(in.Metadata, &said); err != nil {
				return into, errSchema("body/metadata must be object")
			}
		}
		if said.MIMEType != nil {
			into.metadata.MIMEType = *said.MIMEType
		}
		if said.CacheControl != nil {
			into.metadata.CacheControl = *said.CacheControl
		}
		into.userMetadata = nil
		if raw, err := base64.StdEncoding.DecodeString(r.Header.Get("x-metadata")); err == nil {
			into.userMetadata = userMetadata(raw)
		}
	}
	into.metadata.LastModified = s.modifiedNow()
	return into, nil
}

// asWritten reads the whole row that a call has just written, which its caller may be allowed to write and not to read.
func (s *Server) asWritten(ctx context.Context, c call) (removed, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	rows, err := s.cfg.Pool.Query(ctx, `select `+removedColumns+` from storage.objects where bucket_id = $1 and name = $2`, c.bucket, c.key)
	if err != nil {
		return removed{}, err
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[removed])
	if err == nil && len(found) == 0 { // deleted meanwhile
		return removed{}, errObjectNotFound
	}
	if err != nil {
		return removed{}, err
	}
	return found[0], nil
}
