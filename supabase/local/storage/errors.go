package storage

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"reflect"
	"strings"

	"github.com/golang-jwt/jwt/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/stark-o/stark/supabase/local/internal/outage"
)

// Error is Storage's error body. Its HTTP status is 400 for nearly everything: the status that counts is in the body.
// Source: supabase/storage src/internal/errors/codes.ts, storage-error.ts, and src/http/error-handler.ts.
type Error struct {
	HTTP    int    `json:"-"`          // 0 means 400
	Status  string `json:"statusCode"` // the status that HTTP would have
	Name    string `json:"error"`      // the name of old; empty means Code
	Code    string `json:"code"`
	Message string `json:"message"`
}

func (e *Error) Error() string { return e.Code + ": " + e.Message }

var (
	errObjectNotFound = &Error{Status: "404", Name: "not_found", Code: "NoSuchKey", Message: "Object not found"}
	errBytesNotFound  = &Error{Status: "404", Name: "Not found", Code: "NoSuchKey", Message: "The resource was not found"}
	errBucketNotFound = &Error{Status: "404", Name: "Bucket not found", Code: "NoSuchBucket", Message: "Bucket not found"}
	errBucketName     = &Error{Status: "400", Name: "Invalid Input", Code: "InvalidBucketName", Message: "Bucket name invalid"}
	errNotEmpty       = &Error{Status: "409", Code: "ResourceNotEmpty", Message: "The bucket you tried to delete is not empty"}
	errKeyExists      = &Error{Status: "409", Name: "Duplicate", Code: "KeyAlreadyExists", Message: "The resource already exists"}
	errBucketExists   = &Error{Status: "409", Name: "Duplicate", Code: "BucketAlreadyExists", Message: "The resource already exists"}
	errTooLarge       = &Error{Status: "413", Name: "Payload too large", Code: "EntityTooLarge", Message: "The object exceeded the maximum allowed size"}
	errSizeFormat     = &Error{Status: "400", Code: "InvalidRequest", Message: "Invalid file size format, hint: use 20GB / 20MB / 30KB / 3B"}
	errNoContent      = &Error{Status: "400", Code: "InvalidRequest", Message: "No content provided"}
	errInterrupted    = &Error{Status: "400", Code: "InvalidRequest", Message: "Request stream closed before upload could complete"}
	errSignature      = &Error{Status: "400", Code: "InvalidSignature", Message: "Invalid signature"}
	errRange          = &Error{HTTP: http.StatusRequestedRangeNotSatisfiable, Status: "416", Code: "InvalidRange", Message: "The requested range is not satisfiable"}
	errInternal       = &Error{HTTP: http.StatusInternalServerError, Status: "500", Code: "InternalError", Message: "Internal server error"}
	// errOutage is ours: the original's database is another machine's matter. 503 says that trying again is worth it.
	errOutage = &Error{HTTP: http.StatusServiceUnavailable, Status: "503", Code: "DatabaseError",
		Message: "The database cannot be reached right now. Please try again later."}

	// errNoRoute is not Storage's own but its framework's answer.
	errNoRoute = errors.New("no such route")
)

func errInvalidKey(key string) *Error {
	return &Error{Status: "400", Code: "InvalidKey", Message: "Invalid key: " + key}
}

// errSchema is a request that does not fit a route's schema; the framework of the original writes these.
func errSchema(message string) *Error {
	return &Error{Status: "400", Name: "Error", Code: "InvalidRequest", Message: message}
}

func errMIME(mime string) *Error {
	return &Error{Status: "415", Name: "invalid_mime_type", Code: "InvalidMimeType", Message: "mime type " + mime + " is not supported"}
}

func errDenied(message string) *Error {
	return &Error{Status: "403", Name: "Unauthorized", Code: "AccessDenied", Message: message}
}

func errUnimplemented(what string) *Error {
	return &Error{HTTP: http.StatusNotImplemented, Status: "501", Name: "not_implemented", Code: "NotSupported",
		Message: what + " is not in the embedded stack; use `supabase start` or a hosted project"}
}

// tokenProblem says what is wrong with a token in the words of jose, which the original verifies with.
func tokenProblem(err error) string {
	switch {
	case errors.Is(err, jwt.ErrTokenExpired):
		return `"exp" claim timestamp check failed`
	case errors.Is(err, jwt.ErrTokenNotValidYet):
		return `"nbf" claim timestamp check failed`
	case errors.Is(err, jwt.ErrTokenMalformed):
		return "Invalid Compact JWS"
	}
	return "signature verification failed"
}

// asStorageError gives a database error Storage's face; ok is false for what is our own failure.
// Source: supabase/storage src/storage/database/errors.ts.
func asStorageError(err error) (e *Error, ok bool) {
	if errors.As(err, &e) {
		return e, true
	}
	if outage.Is(err) {
		return errOutage, true
	}
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return nil, false
	}
	switch pg.Code {
	case "42501": // insufficient_privilege
		if strings.Contains(pg.Message, "row-level security") {
			return errDenied("new row violates row-level security policy"), true
		}
		return errDenied(pg.Message), true
	case "23505": // unique_violation
		return &Error{Status: "409", Name: "Duplicate", Code: "ResourceAlreadyExists", Message: "The resource already exists"}, true
	case "23503": // foreign_key_violation
		if strings.Contains(pg.Detail, "is still referenced from table") {
			return errNotEmpty, true
		}
		return &Error{Status: "404", Code: "InvalidRequest", Message: "The related resource does not exist"}, true
	case "22021", "22P05", "22P02": // a NUL or another character that no text holds; not a value of the type
		return &Error{Status: "400", Code: "InvalidParameter", Message: pg.Message}, true
	case "57014": // query_canceled
		return &Error{HTTP: 544, Status: "544", Code: "DatabaseTimeout", Message: "The connection to the database timed out"}, true
	}
	return nil, false
}

func writeError(w http.ResponseWriter, log *slog.Logger, r *http.Request, err error) {
	var body any
	status := http.StatusNotFound
	if errors.Is(err, errNoRoute) {
		body = map[string]any{"message": "Route " + r.Method + ":" + r.URL.Path + " not found", "error": "Not Found", "statusCode": status}
	} else {
		e, ok := asStorageError(err)
		if !ok {
			if r.Context().Err() == nil {
				log.Error("storage request failed", "method", r.Method, "path", r.URL.Path, "error", err)
			}
			e = errInternal
		}
		if e.HTTP == http.StatusServiceUnavailable {
			log.Warn("storage is not available", "method", r.Method, "path", r.URL.Path, "error", err)
		}
		shown := *e
		if shown.Name == "" {
			shown.Name = shown.Code
		}
		if status = shown.HTTP; status == 0 {
			status = http.StatusBadRequest
		}
		body = shown
	}
	h := w.Header()
	for _, name := range []string{"Content-Length", "Content-Disposition", "ETag", "Last-Modified", "Expires"} {
		h.Del(name) // they were about an object that is not sent
	}
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_ = json.NewEncoder(w).Encode(body) // the client may be gone
	}
}

func writeJSON(w http.ResponseWriter, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode the answer: %w", err)
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_, _ = w.Write(text) // the client may be gone
	return nil
}

// maxJSONBody bounds the bodies that are not files.
const maxJSONBody = 1 << 20

// decodeJSON reads a small body. An empty one leaves v as it is.
func decodeJSON(w http.ResponseWriter, r *http.Request, v any) error {
	err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxJSONBody)).Decode(v)
	var tooLarge *http.MaxBytesError
	var wrongType *json.UnmarshalTypeError
	switch {
	case err == nil, errors.Is(err, io.EOF):
		return nil
	case errors.As(err, &tooLarge):
		return &Error{HTTP: http.StatusRequestEntityTooLarge, Status: "413", Name: "Payload too large", Code: "EntityTooLarge", Message: "Request body is too large"}
	case errors.As(err, &wrongType):
		return errSchema(strings.TrimSuffix("body/"+strings.ReplaceAll(wrongType.Field, ".", "/"), "/") + " must be " + schemaType(wrongType.Type))
	}
	return errSchema("Body is not valid JSON")
}

// schemaType is JSON schema's name for what a Go type takes.
func schemaType(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Bool:
		return "boolean"
	case reflect.String:
		return "string"
	case reflect.Slice, reflect.Array:
		return "array"
	case reflect.Struct, reflect.Map:
		return "object"
	}
	return "integer"
}
