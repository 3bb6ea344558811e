package storage

import (
	"net/http"

	"github.com/jackc/pgx/v5"
)

const maxSigned = 1000

// signed is one of many: either a URL or what stands in its way.
type signed struct {
	Error     *string `json:"error"`
	Path      string  `json:"path"`
	SignedURL *string `json:"signedURL"`
}

// signMany signs those of the named objects that the caller may read.
func (s *Server) signMany(w http.ResponseWriter, r *http.Request, c call) error {
	var in struct {
		ExpiresIn *int64   `json:"expiresIn"` // seconds
		Paths     []string `json:"paths"`
	}
	if err := decodeJSON(w, r, &in); err != nil {
		return err
	}
	switch {
	case in.ExpiresIn == nil:
		return errSchema("body must have required property 'expiresIn'")
	case *in.ExpiresIn < 1:
		return errSchema("body/expiresIn must be >= 1")
	case in.Paths == nil:
		return errSchema("body must have required property 'paths'")
	case len(in.Paths) == 0:
		return errSchema("body/paths must NOT have fewer than 1 items")
	case len(in.Paths) > maxSigned:
		return errSchema("body/paths must NOT have more than 1000 items")
	}
	readable := map[string]bool{}
	err := s.as(r.Context(), c.caller, "storage.object.sign_many", nil, func(tx pgx.Tx) error {
		rows, err := tx.Query(r.Context(), `select name from storage.objects where bucket_id = $1 and name = any ($2)`, c.bucket, in.Paths)
		if err != nil {
			return err
		}
		var name string
		_, err = pgx.ForEachRow(rows, []any{&name}, func() error { readable[name] = true; return nil })
		return err
	})
	if err != nil {
		return err
	}
	answers, err := s.signAll(c.bucket, in.Paths, *in.ExpiresIn, readable)
	if err != nil {
		return err
	}
	return writeJSON(w, answers)
}

func (s *Server) signAll(bucket string, paths []string, expiresIn int64, readable map[string]bool) ([]signed, error) {
	answers := make([]signed, len(paths))
	for i, path := range paths {
		answers[i].Path = path
		if !readable[path] {
			problem := "Either the object does not exist or you do not have access to it"
			answers[i].Error = &problem
			continue
		}
		token, err := s.signPath(bucket+"/"+path, expiresIn)
		if err != nil {
			return nil, err
		}
		url := signedURL(bucket+"/"+path, token)
		answers[i].SignedURL = &url
	}
	return answers, nil
}
