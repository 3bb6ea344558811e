package storage

import (
	"net/http"
	"strings"
)

// access is what a route asks of the caller.
type access int

const (
	required access = iota // a valid token
	optional               // without a valid token: what is public
	open                   // no token: what the route gives out is public or carries its own
)

type route struct {
	handle      handler
	bucket, key string
	access      access
}

// route finds the handler for a path that has no prefix. The path is decoded; keys contain slashes, so http.ServeMux, which cleans paths,
// is no help here.
func (s *Server) route(method, path string) (route, bool) {
	root, rest, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	switch root {
	case "bucket":
		return s.routeBucket(method, rest)
	case "object":
		return s.routeObject(method, rest)
	case "status", "health":
		if method != http.MethodGet || rest != "" {
			return route{}, false
		}
		if root == "status" {
			return route{handle: s.status, access: open}, true
		}
		return route{handle: s.health, access: open}, true
	case "upload":
		return s.routeUpload(method, rest)
	case "render":
		return absent("image transformations (/render)"), true
	case "s3", "vector", "iceberg", "cdn":
		return absent("/" + root), true
	}
	return route{}, false
}

func (s *Server) routeBucket(method, rest string) (route, bool) {
	id, action, _ := strings.Cut(strings.TrimSuffix(rest, "/"), "/")
	var h handler
	switch {
	case id == "" && method == http.MethodGet:
		h = s.listBuckets
	case id == "" && method == http.MethodPost:
		h = s.createBucket
	case action == "lifecycle" && id != "":
		return absent("a bucket's lifecycle rules"), true
	case id == "" || (action != "" && action != "empty"):
	case action == "empty" && method == http.MethodPost:
		h = s.emptyBucket
	case action != "":
	case method == http.MethodGet:
		h = s.getBucket
	case method == http.MethodPut:
		h = s.updateBucket
	case method == http.MethodDelete:
		h = s.deleteBucket
	}
	return route{handle: h, bucket: id}, h != nil
}

// routeObject knows the words that come before a bucket; for other methods than theirs they are bucket names, as in the original.
func (s *Server) routeObject(method, rest string) (route, bool) {
	word, tail, _ := strings.Cut(rest, "/")
	bucket, key, _ := strings.Cut(tail, "/")
	reads := method == http.MethodGet || method == http.MethodHead
	posts := method == http.MethodPost
	switch {
	case word == "public" && reads && key != "":
		return route{s.downloadPublic, bucket, key, open}, true
	case word == "authenticated" && reads && key != "":
		return route{s.download, bucket, key, required}, true
	case word == "sign" && reads && key != "":
		return route{s.downloadSigned, bucket, key, open}, true
	case word == "sign" && posts && key != "":
		return route{s.sign, bucket, key, required}, true
	case word == "sign" && posts && bucket != "":
		return route{s.signMany, bucket, "", required}, true
	case word == "info" && reads && key != "":
		return s.routeInfo(bucket, key)
	case word == "list" && posts && bucket != "" && key == "":
		return route{s.list, bucket, "", required}, true
	case word == "list-v2" && posts && bucket != "" && key == "":
		return route{s.listV2, bucket, "", required}, true
	case word == "upload" && bucket == "sign" && (posts || method == http.MethodPut):
		return s.routeSignedUpload(method, key)
	case word == "move" && posts && tail == "":
		return route{handle: s.move, access: required}, true
	case word == "copy" && posts && tail == "":
		return route{handle: s.copy, access: required}, true
	}
	return s.routePlain(method, word, tail)
}

// routeUpload is /upload/resumable; what comes below it is no object's name, but goes the way of one.
func (s *Server) routeUpload(method, rest string) (route, bool) {
	kind, below, _ := strings.Cut(strings.TrimSuffix(rest, "/"), "/")
	if kind != "resumable" {
		return route{}, false
	}
	switch method {
	case http.MethodPost, http.MethodPatch, http.MethodHead, http.MethodDelete, http.MethodOptions:
		return route{handle: s.resumable, key: below, access: open}, true
	}
	return route{}, false
}

func (s *Server) routeSignedUpload(method, tail string) (route, bool) {
	bucket, key, _ := strings.Cut(tail, "/")
	if key == "" {
		return route{}, false
	}
	if method == http.MethodPut {
		return route{s.uploadSigned, bucket, key, open}, true
	}
	return route{s.signUpload, bucket, key, required}, true
}

func (s *Server) routeInfo(word, tail string) (route, bool) {
	bucket, key, _ := strings.Cut(tail, "/")
	switch {
	case word == "public" && key != "":
		return route{s.infoPublic, bucket, key, open}, true
	case word == "authenticated" && key != "":
		return route{s.info, bucket, key, required}, true
	}
	return route{s.info, word, tail, optional}, true
}

// routePlain is /object/{bucket} and /object/{bucket}/{key}.
func (s *Server) routePlain(method, bucket, key string) (route, bool) {
	rt := route{bucket: bucket, key: key}
	switch {
	case bucket == "":
	case key == "" && method == http.MethodDelete:
		rt.handle = s.removeMany
	case key == "":
	case method == http.MethodGet, method == http.MethodHead:
		rt.handle, rt.access = s.download, optional
	case method == http.MethodPost:
		rt.handle = s.upload
	case method == http.MethodPut:
		rt.handle = s.replace
	case method == http.MethodDelete:
		rt.handle = s.removeOne
	}
	return rt, rt.handle != nil
}

func absent(what string) route {
	return route{access: open, handle: func(http.ResponseWriter, *http.Request, call) error { return errUnimplemented(what) }}
}
