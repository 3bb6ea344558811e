package storage

import (
	"context"
	"crypto/md5" // an ETag, as S3 makes them; not for security
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	tus "github.com/tus/tusd/v2/pkg/handler"
)

// uploads keeps what has arrived of resumable uploads: <id>.bin, and <id>.json about it. It is tusd's store.
//
// A part that was acknowledged is on the disk. The last part is acknowledged when the object's row is committed; until then, also after a
// crash in between, the upload does not exist for a client that asks, which then begins anew.
type uploads struct {
	dir    string
	server *Server
}

// uploadLife is how long an upload may rest before it is forgotten, as on hosted projects.
const uploadLife = 24 * time.Hour

// pending is an upload that is not complete, or the memory of one that is.
type pending struct {
	Info    tus.FileInfo `json:"info"` // its offset is the size of the file
	Bucket  string       `json:"bucket"`
	Key     string       `json:"key"`
	Owner   *string      `json:"owner"`
	Upsert  bool         `json:"upsert"`
	Done    bool         `json:"done"` // committed; there is no file any more
	uploads *uploads
}

var errTerminateFinished = &Error{Status: "400", Code: "TusError", Message: "Cannot terminate an already completed upload"}

func (u *uploads) path(id, extension string) string { return filepath.Join(u.dir, id+extension) }

// NewUpload implements tus.DataStore.
func (u *uploads) NewUpload(ctx context.Context, info tus.FileInfo) (tus.Upload, error) {
	t, _ := ctx.Value(tusCallKey{}).(*tusCall)
	p := &pending{Info: info, Bucket: t.bucket, Key: t.key, Owner: t.caller.ownerID(), Upsert: t.upsert, uploads: u}
	if err := u.prune(); err != nil {
		return nil, u.server.asTUSError(err)
	}
	f, err := os.OpenFile(u.path(info.ID, ".bin"), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err == nil {
		err = f.Close()
	}
	if err == nil {
		err = u.save(p)
	}
	if err != nil {
		return nil, u.server.asTUSError(errors.Join(fmt.Errorf("begin an upload: %w", err), u.forget(info.ID)))
	}
	return p, nil
}

// save writes what is known about an upload, whole or not at all.
func (u *uploads) save(p *pending) error {
	text, err := json.Marshal(p)
	if err != nil {
		return err
	}
	temporary := u.path(p.Info.ID, ".tmp")
	if err := os.WriteFile(temporary, text, 0o600); err != nil {
		return err
	}
	return os.Rename(temporary, u.path(p.Info.ID, ".json"))
}

// load reads what is known about an upload; tus.ErrNotFound when nothing is.
func (u *uploads) load(id string) (*pending, error) {
	text, err := os.ReadFile(u.path(id, ".json"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, tus.ErrNotFound
	}
	p := &pending{uploads: u}
	if err == nil {
		err = json.Unmarshal(text, p)
	}
	if err != nil {
		return nil, fmt.Errorf("read an upload: %w", err)
	}
	return p, nil
}

// GetUpload implements tus.DataStore; tusd holds the upload's lock.
func (u *uploads) GetUpload(_ context.Context, id string) (tus.Upload, error) {
	p, err := u.load(id)
	if err != nil {
		return nil, u.server.asTUSError(err)
	}
	if p.Done {
		p.Info.Offset = p.Info.Size
		return p, nil
	}
	file, err := os.Stat(u.path(id, ".bin"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, u.server.asTUSError(err)
	}
	if err != nil || file.Size() >= p.Info.Size { // a crash before the row: no request could finish it
		if err := u.forget(id); err != nil {
			return nil, u.server.asTUSError(err)
		}
		return nil, tus.ErrNotFound
	}
	p.Info.Offset = file.Size()
	return p, nil
}

// AsTerminatableUpload implements tus.TerminaterDataStore.
func (u *uploads) AsTerminatableUpload(upload tus.Upload) tus.TerminatableUpload {
	p, _ := upload.(*pending) // there are no others
	return p
}

// forget removes all of an upload.
func (u *uploads) forget(id string) error {
	var err error
	for _, extension := range []string{".json", ".bin", ".tmp"} {
		err = errors.Join(err, ignoreMissing(os.Remove(u.path(id, extension))))
	}
	return err
}

// prune forgets uploads that nobody has gone on with for a day, finished ones too.
func (u *uploads) prune() error {
	entries, err := os.ReadDir(u.dir)
	if err != nil {
		return fmt.Errorf("prune uploads: %w", err)
	}
	latest := map[string]time.Time{}
	for _, entry := range entries {
		file, err := entry.Info()
		if err != nil {
			continue // it has gone meanwhile
		}
		id := strings.TrimSuffix(entry.Name(), filepath.Ext(entry.Name()))
		if file.ModTime().After(latest[id]) {
			latest[id] = file.ModTime()
		}
	}
	var failed error
	for id, at := range latest {
		if u.server.cfg.Now().Sub(at) > uploadLife {
			failed = errors.Join(failed, u.forget(id))
		}
	}
	return failed
}

// GetInfo implements tus.Upload.
func (p *pending) GetInfo(context.Context) (tus.FileInfo, error) { return p.Info, nil }

// GetReader implements tus.Upload; nothing reads uploads back.
func (p *pending) GetReader(context.Context) (io.ReadCloser, error) {
	return nil, tus.ErrNotImplemented
}

// WriteChunk implements tus.Upload: what arrives before the connection breaks is kept.
func (p *pending) WriteChunk(_ context.Context, offset int64, src io.Reader) (n int64, err error) {
	f, err := os.OpenFile(p.uploads.path(p.Info.ID, ".bin"), os.O_WRONLY, 0)
	if err != nil {
		return 0, p.uploads.server.asTUSError(fmt.Errorf("write a part: %w", err))
	}
	defer func() {
		if closeErr := f.Close(); err == nil && closeErr != nil {
			err = p.uploads.server.asTUSError(fmt.Errorf("write a part: %w", closeErr))
		}
	}()
	if _, err := f.Seek(offset, io.SeekStart); err != nil {
		return 0, p.uploads.server.asTUSError(fmt.Errorf("write a part: %w", err))
	}
	n, err = io.Copy(f, src)
	if err = errors.Join(err, f.Sync()); err != nil {
		return n, p.uploads.server.asTUSError(fmt.Errorf("write a part: %w", err))
	}
	return n, nil
}

// FinishUpload implements tus.Upload: all bytes are there, so the object comes into being. Where it may not, the upload is over too.
func (p *pending) FinishUpload(ctx context.Context) error {
	s := p.uploads.server
	t, _ := ctx.Value(tusCallKey{}).(*tusCall)
	up, err := p.received()
	if err == nil {
		c := call{t.caller, p.Bucket, p.Key}
		_, err = s.commit(ctx, c, operationTUSPart, c.newObject(p.userMetadata()), up, p.incoming(), p.Upsert)
	}
	if err != nil {
		return s.asTUSError(errors.Join(err, p.uploads.forget(p.Info.ID)))
	}
	p.Done = true
	if err := p.uploads.save(p); err != nil { // the object is there; only who lost the answer will not learn it
		s.cfg.Log.Warn("a finished upload cannot be remembered", "error", err)
	}
	return nil
}

// received hashes the bytes, in constant memory; they were synced with their parts.
func (p *pending) received() (received, error) {
	path := p.uploads.path(p.Info.ID, ".bin")
	f, err := os.Open(path)
	if err != nil {
		return received{}, fmt.Errorf("finish an upload: %w", err)
	}
	defer func() { _ = f.Close() }() // it was only read
	sum := md5.New()
	n, err := io.Copy(sum, f)
	if err != nil {
		return received{}, fmt.Errorf("finish an upload: %w", err)
	}
	if n != p.Info.Size {
		return received{}, &Error{HTTP: http.StatusInternalServerError, Status: "500", Code: "InternalError", Message: "The upload is not what was sent"}
	}
	return received{temp: path, size: n, etag: `"` + hex.EncodeToString(sum.Sum(nil)) + `"`}, nil
}

// Terminate implements tus.TerminatableUpload.
func (p *pending) Terminate(context.Context) error {
	if p.Done {
		return p.uploads.server.asTUSError(errTerminateFinished)
	}
	return p.uploads.server.asTUSError(p.uploads.forget(p.Info.ID))
}
