package storage

import (
	"net/http"
	"strconv"
)

func (s *Server) info(w http.ResponseWriter, r *http.Request, c call) error {
	return s.describe(w, r, c, "storage.object.info_authenticated")
}

func (s *Server) infoPublic(w http.ResponseWriter, r *http.Request, c call) error {
	return s.describe(w, r, c, "storage.object.info_public")
}

// describe says about an object what its row knows.
func (s *Server) describe(w http.ResponseWriter, r *http.Request, c call, operation string) error {
	find, err := s.reader(r.Context(), c, operation)
	if err != nil {
		return err
	}
	o, err := find(r.Context())
	if err != nil {
		return err
	}
	if r.Method == http.MethodHead {
		setHeaders(w.Header(), o)
		w.Header().Set("Content-Length", strconv.FormatInt(o.metadata.Size, 10))
		w.Header().Set("Last-Modified", o.modified().UTC().Format(http.TimeFormat))
		return nil
	}
	return writeJSON(w, map[string]any{
		"id": o.id, "name": o.name, "version": o.version, "bucket_id": c.bucket, "size": o.metadata.Size,
		"content_type": o.metadata.MIMEType, "cache_control": o.metadata.CacheControl, "etag": o.metadata.ETag,
		"metadata": o.userMetadata, "last_modified": o.modified().UTC(), "created_at": o.createdAt.UTC(),
	})
}
