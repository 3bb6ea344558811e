package storage

import (
	"crypto/md5" // an ETag, as S3 makes them; not for security
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"runtime"

	"github.com/google/uuid"
)

// disk keeps the bytes in objects/<2 digits>/<hash of bucket and name>.<version>. No part of a path comes from a caller, a version is never
// written twice, and the folders are there from the start, so writers and removers cannot get in each other's way.
type disk struct{ objects, temp string }

func newDisk(dir string) *disk {
	return &disk{objects: filepath.Join(dir, "objects"), temp: filepath.Join(dir, "tmp")}
}

// prepare makes the folders, durably.
func (d *disk) prepare() error {
	if err := os.MkdirAll(d.temp, 0o700); err != nil {
		return fmt.Errorf("storage: %w", err)
	}
	for i := range 256 {
		if err := os.MkdirAll(filepath.Join(d.objects, fmt.Sprintf("%02x", i)), 0o700); err != nil {
			return fmt.Errorf("storage: %w", err)
		}
	}
	for _, dir := range []string{d.objects, filepath.Dir(d.objects)} {
		if err := syncDir(dir); err != nil {
			return fmt.Errorf("storage: %w", err)
		}
	}
	return nil
}

func (d *disk) path(bucket, key, version string) string {
	if uuid.Validate(version) != nil {
		version = "invalid" // a row that we did not write: there is no such file
	}
	sum := sha256.Sum256([]byte(bucket + "\x00" + key))
	name := hex.EncodeToString(sum[:])
	return filepath.Join(d.objects, name[:2], name+"."+version)
}

// received is bytes that arrived and have no name yet.
type received struct {
	temp string
	size int64
	etag string // quoted
}

// bodyError is a failure of the sender, not of the disk.
type bodyError struct{ cause error }

func (e *bodyError) Error() string { return "read the upload: " + e.cause.Error() }
func (e *bodyError) Unwrap() error { return e.cause }

// bodyReader marks what goes wrong with reading.
type bodyReader struct{ io.Reader }

func (b bodyReader) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = &bodyError{err}
	}
	return n, err
}

// receive streams r into a temporary file, in constant memory, and syncs it. More than limit bytes is errTooLarge, an r that fails is a
// bodyError. Nothing is left behind on an error.
func (d *disk) receive(r io.Reader, limit int64) (up received, err error) {
	f, err := os.CreateTemp(d.temp, "upload-*")
	if err != nil {
		return received{}, fmt.Errorf("receive: %w", err)
	}
	defer func() {
		if closeErr := f.Close(); err == nil {
			err = closeErr
		}
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	sum := md5.New()
	n, err := io.Copy(io.MultiWriter(f, sum), io.LimitReader(bodyReader{r}, limit+1))
	if err != nil {
		return received{}, fmt.Errorf("receive: %w", err)
	}
	if n > limit {
		return received{}, errTooLarge
	}
	if err := f.Sync(); err != nil {
		return received{}, fmt.Errorf("receive: %w", err)
	}
	return received{temp: f.Name(), size: n, etag: `"` + hex.EncodeToString(sum.Sum(nil)) + `"`}, nil
}

// discard removes bytes that got no name.
func (d *disk) discard(up received) error { return ignoreMissing(os.Remove(up.temp)) }

// place moves bytes to where a version of an object is kept. When it returns nil they are there after a crash, too.
func (d *disk) place(up received, bucket, key, version string) error {
	path := d.path(bucket, key, version)
	if err := os.Rename(up.temp, path); err != nil {
		return fmt.Errorf("place: %w", err)
	}
	return syncDir(filepath.Dir(path))
}

// link gives the bytes of one version a second place, where they stay when the first goes: a version's bytes never change. A source that is
// not there is fs.ErrNotExist.
func (d *disk) link(from, to place) error {
	source, target := d.path(from.bucket, from.key, from.version), d.path(to.bucket, to.key, to.version)
	err := os.Link(source, target)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("link: %w", err)
	}
	if err != nil { // a file system without hard links
		return d.duplicate(source, to)
	}
	return syncDir(filepath.Dir(target))
}

func (d *disk) duplicate(source string, to place) error {
	f, err := os.Open(source)
	if err != nil {
		return fmt.Errorf("copy: %w", err)
	}
	defer func() { _ = f.Close() }() // it was only read
	up, err := d.receive(f, math.MaxInt64-1)
	if err != nil {
		return err
	}
	return d.place(up, to.bucket, to.key, to.version)
}

// remove deletes a version's bytes. That they are gone already is fine.
func (d *disk) remove(bucket, key, version string) error {
	return ignoreMissing(os.Remove(d.path(bucket, key, version)))
}

// syncDir makes a folder's entries durable. Windows neither lets a folder be synced nor needs it.
func syncDir(path string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	dir, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("sync %s: %w", filepath.Base(path), err)
	}
	return errors.Join(dir.Sync(), dir.Close())
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
