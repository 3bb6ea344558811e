package storage

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	tus "github.com/tus/tusd/v2/pkg/handler"
	"github.com/tus/tusd/v2/pkg/memorylocker"
	"golang.org/x/exp/slog" // what tusd logs with
)

// Uploads that can be resumed, by TUS 1.0.0 at /upload/resumable: tusd speaks the protocol, uploads.go keeps the bytes until they are all
// there. tusd's own filestore is not used: an upload that it finished would look finished to a client before its row is committed.
//
// Errors have the original's form: the status that counts and the plain message. An upload's address is a random id, not the encoded name
// of the object as in the original; clients take it as it comes. Source: supabase/storage src/http/routes/tus.

// tusCall is a request of the protocol, as the callbacks of tusd find it in their context.
type tusCall struct {
	call   // who; for a new upload the callback learns which object
	signed bool
	token  string
	upsert bool
	r      *http.Request
}

type tusCallKey struct{}

const (
	operationTUSCreate = "storage.tus.upload.create"
	operationTUSPart   = "storage.tus.upload.part"
	operationTUSDelete = "storage.tus.upload.delete"
)

// newTUS makes the protocol's handler. Its paths are "/" and "/{id}".
func (s *Server) newTUS() (http.Handler, error) {
	composer := tus.NewStoreComposer()
	composer.UseCore(s.uploads)
	composer.UseTerminater(s.uploads)
	composer.UseLocker(memorylocker.New())
	return tus.NewHandler(tus.Config{
		StoreComposer: composer, BasePath: "/", MaxSize: s.cfg.MaxFileSize, DisableDownload: true, RespectForwardedHeaders: true,
		Cors:                             &tus.CorsConfig{Disable: true}, // the gateway's matter
		Logger:                           slog.New(slog.NewTextHandler(io.Discard, nil)),
		GracefulRequestCompletionTimeout: time.Second,
		PreUploadCreateCallback:          s.admitTUS,
		PreFinishResponseCallback: func(tus.HookEvent) (tus.HTTPResponse, error) {
			return tus.HTTPResponse{Header: tus.HTTPHeader{"Tus-Complete": "1"}}, nil
		},
	})
}

// resumable is everything below /upload/resumable; the part after it is in c.key.
func (s *Server) resumable(w http.ResponseWriter, r *http.Request, c call) error {
	t := &tusCall{upsert: strings.EqualFold(r.Header.Get("x-upsert"), "true"), token: r.Header.Get("x-signature")}
	id, base := c.key, "/upload/resumable/"
	if rest, found := strings.CutPrefix(id+"/", "sign/"); found {
		id, base, t.signed = strings.TrimSuffix(rest, "/"), base+"sign/", true
	}
	prefix := strings.TrimSuffix(strings.TrimSuffix(pathOf(r.RequestURI), "/"), strings.TrimSuffix(r.URL.EscapedPath(), "/")) // the gateway's
	r = r.Clone(r.Context())
	r.URL.Path, r.URL.RawPath = "/"+id, ""
	if method := r.Header.Get("X-HTTP-Method-Override"); r.Method == http.MethodPost && method != "" {
		r.Method = method
	}
	t.r = r
	if id != "" && uuid.Validate(id) != nil {
		return writeTUSError(w, tus.ErrNotFound)
	}
	if r.Method != http.MethodOptions && !t.signed {
		who, err := s.authenticate(r)
		if err != nil {
			return err
		}
		t.caller = who
	}
	if err := s.mayContinue(r.Context(), t, id); err != nil {
		return writeTUSError(w, s.asTUSError(err))
	}
	s.tus.ServeHTTP(&locator{ResponseWriter: w, base: prefix + base}, r.WithContext(context.WithValue(r.Context(), tusCallKey{}, t)))
	// tusd's deadlines were for this body; the connection's next request has none.
	control := http.NewResponseController(w)
	return ignoreUnsupported(errors.Join(control.SetReadDeadline(time.Time{}), control.SetWriteDeadline(time.Time{})))
}

func pathOf(uri string) string {
	path, _, _ := strings.Cut(uri, "?")
	return path
}

func ignoreUnsupported(err error) error {
	if errors.Is(err, http.ErrNotSupported) {
		return nil
	}
	return err
}

// mayContinue asks for every part whether the caller may still write the object: policies may have changed since the upload began. What is
// not there is left to tusd.
func (s *Server) mayContinue(ctx context.Context, t *tusCall, id string) error {
	if id == "" || t.r.Method == http.MethodOptions {
		return nil
	}
	p, err := s.uploads.load(id)
	if errors.Is(err, tus.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	t.bucket, t.key = p.Bucket, p.Key
	if t.signed {
		return s.checkSigned(t)
	}
	if t.r.Method == http.MethodHead {
		return nil // its address is the secret, as in the original
	}
	// Stricter than the original: nobody goes on with another's upload.
	if owner := t.caller.ownerID(); (owner == nil) != (p.Owner == nil) || owner != nil && *owner != *p.Owner {
		return errDenied("This upload was begun by somebody else")
	}
	t.upsert = p.Upsert
	operation := operationTUSPart
	if t.r.Method == http.MethodDelete {
		operation = operationTUSDelete
	}
	return s.mayWrite(ctx, t.call, operation, t.newObject(p.userMetadata()), p.incoming(), t.upsert)
}

func (s *Server) checkSigned(t *tusCall) (err error) {
	if t.token == "" {
		return &Error{Status: "400", Code: "InvalidSignature", Message: "Missing x-signature header"}
	}
	t.upsert, err = s.actForSigner(t.r, t.token, &t.call)
	return err
}

// admitTUS is asked before an upload begins: name, limits, permission.
func (s *Server) admitTUS(hook tus.HookEvent) (tus.HTTPResponse, tus.FileInfoChanges, error) {
	t, _ := hook.Context.Value(tusCallKey{}).(*tusCall)
	meta := hook.Upload.MetaData
	t.bucket, t.key = meta["bucketName"], meta["objectName"]
	err := s.admitPending(hook.Context, t, hook.Upload)
	return tus.HTTPResponse{}, tus.FileInfoChanges{ID: uuid.NewString()}, s.asTUSError(err)
}

func (s *Server) admitPending(ctx context.Context, t *tusCall, info tus.FileInfo) error {
	if !ValidBucket(t.bucket) {
		return errBucketName
	}
	if !ValidKey(t.key) {
		return errInvalidKey(t.key)
	}
	if t.signed {
		if err := s.checkSigned(t); err != nil {
			return err
		}
	}
	b, err := findBucket(ctx, s.cfg.Pool, t.bucket)
	if err != nil {
		return err
	}
	p := pending{Info: info}
	if _, err := s.admit(b, t.key, p.incoming()); err != nil {
		return err
	}
	return s.mayWrite(ctx, t.call, operationTUSCreate, t.newObject(p.userMetadata()), p.incoming(), t.upsert)
}

// incoming is what the upload's metadata says about its bytes.
func (p pending) incoming() incoming {
	in := incoming{length: &p.Info.Size, contentType: p.Info.MetaData["contentType"], cacheControl: defaultCache, metadata: p.userMetadata()}
	if in.contentType == "" {
		in.contentType = defaultType
	}
	if seconds := p.Info.MetaData["cacheControl"]; seconds != "" {
		if _, err := strconv.Atoi(seconds); err == nil {
			in.cacheControl = "max-age=" + seconds
		}
	}
	return in
}

func (p pending) userMetadata() json.RawMessage {
	return userMetadata([]byte(p.Info.MetaData["metadata"]))
}

// asTUSError gives an error the form in which tusd sends it.
func (s *Server) asTUSError(err error) error {
	var known tus.Error
	if err == nil || errors.As(err, &known) {
		return err
	}
	e, ok := asStorageError(err)
	if !ok {
		s.cfg.Log.Error("resumable upload failed", "error", err)
		e = errInternal
	}
	status, convErr := strconv.Atoi(e.Status)
	if convErr != nil {
		status = http.StatusInternalServerError
	}
	answer := tus.NewError(e.Code, e.Message, status)
	answer.HTTPResponse.Body = e.Message
	return answer
}

func writeTUSError(w http.ResponseWriter, err error) error {
	var e tus.Error
	if !errors.As(err, &e) {
		return err
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Tus-Resumable", "1.0.0")
	w.WriteHeader(e.HTTPResponse.StatusCode)
	_, _ = io.WriteString(w, e.HTTPResponse.Body) // the client may be gone
	return nil
}

// locator puts an upload's address below where the client found us; tusd knows no prefix.
type locator struct {
	http.ResponseWriter
	base string
}

func (l *locator) WriteHeader(status int) {
	if at := l.Header().Get("Location"); at != "" {
		if cut := strings.LastIndexByte(at, '/'); cut >= 0 {
			l.Header().Set("Location", at[:cut]+l.base+at[cut+1:])
		}
	}
	l.ResponseWriter.WriteHeader(status)
}

// Unwrap lets tusd reach the connection.
func (l *locator) Unwrap() http.ResponseWriter { return l.ResponseWriter }
