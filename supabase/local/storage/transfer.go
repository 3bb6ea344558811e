package storage

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"
)

// transferBody is what move and copy are told. The destination's bucket is the source's where it is not said.
type transferBody struct {
	Bucket            string          `json:"bucketId"`
	Source            string          `json:"sourceKey"`
	DestinationBucket string          `json:"destinationBucket"`
	Destination       string          `json:"destinationKey"`
	CopyMetadata      *bool           `json:"copyMetadata"` // of copy: false takes what Metadata and x-metadata say
	Metadata          json.RawMessage `json:"metadata"`
}

// readTransfer makes two calls of the body: one on the source, one on the destination.
func readTransfer(w http.ResponseWriter, r *http.Request, c call) (in transferBody, from, to call, err error) {
	if err := decodeJSON(w, r, &in); err != nil {
		return in, from, to, err
	}
	for _, required := range []struct{ name, value string }{{"bucketId", in.Bucket}, {"sourceKey", in.Source}, {"destinationKey", in.Destination}} {
		if required.value == "" {
			return in, from, to, errSchema("body must have required property '" + required.name + "'")
		}
	}
	if in.DestinationBucket == "" {
		in.DestinationBucket = in.Bucket
	}
	switch {
	case !ValidBucket(in.Bucket), !ValidBucket(in.DestinationBucket):
		return in, from, to, errBucketName
	case !ValidKey(in.Source):
		return in, from, to, errInvalidKey(in.Source)
	case !ValidKey(in.Destination):
		return in, from, to, errInvalidKey(in.Destination)
	}
	return in, call{c.caller, in.Bucket, in.Source}, call{c.caller, in.DestinationBucket, in.Destination}, nil
}

// admitInto holds what comes from elsewhere against the limits of its new bucket; the original forgets to. A bucket that does not exist is
// left to the foreign key, after the policies have spoken.
func (s *Server) admitInto(ctx context.Context, to call, m metadata) error {
	b, err := findBucket(ctx, s.cfg.Pool, to.bucket)
	if errors.Is(err, errBucketNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = s.admit(b, to.key, incoming{length: &m.Size, contentType: m.MIMEType})
	return err
}

// linkFrom gives the bytes of an object that the caller can see a second place, for version. The source may be replaced in between; then its
// row names another version by now.
func (s *Server) linkFrom(ctx context.Context, from, to call, find finder, version string) (object, error) {
	for range 3 {
		o, err := find(ctx)
		if err != nil {
			return object{}, err
		}
		err = s.disk.link(place{from.bucket, from.key, o.version}, place{to.bucket, to.key, version})
		if err == nil {
			return o, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return object{}, err
		}
	}
	return object{}, errBytesNotFound
}
