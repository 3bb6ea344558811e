package supa

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/stark-o/stark/backend/core"
)

// The official storage-go serves none of this: it has no context, its DownloadFile reads the whole object into memory, its
// UploadFile sends chunks without a Content-Length, it does not escape object names, and all calls of a client share one set of headers.

// OpenObject streams an object, as the user whose token it is. size is in bytes, -1 when Storage does not say. The caller closes it. NOT_FOUND also
// when the user may not read it: Storage does not tell the two apart.
func (c *Client) OpenObject(ctx context.Context, accessToken, bucket, path string) (body io.ReadCloser, size int64, err error) {
	if err := needToken(accessToken); err != nil {
		return nil, 0, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.objectURL("authenticated", bucket, path), nil)
	if err != nil {
		return nil, 0, unreachable("Storage", err)
	}
	req.Header.Set("Accept-Encoding", "identity") // the bytes as they are stored: they are hashed
	resp, err := c.do(req, accessToken)
	if err != nil {
		return nil, 0, unreachable("Storage", err)
	}
	if isSuccess(resp.StatusCode) {
		return &objectBody{resp.Body}, resp.ContentLength, nil
	}
	answer, err := readReply(resp)
	if err != nil {
		return nil, 0, unreachable("Storage", err)
	}
	return nil, 0, storageError(answer)
}

// objectBody gives errors in the middle of an object a public face.
type objectBody struct{ io.ReadCloser }

func (b *objectBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && !errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return n, unreachable("Storage", err)
	}
	return n, err
}

// Upload streams size bytes of r into a new object, as the user whose token it is; it never overwrites (CONFLICT). progress, when not
// nil, is called from the goroutine that sends, with how many bytes have been read so far.
func (c *Client) Upload(ctx context.Context, accessToken, bucket, path string, r io.Reader, size int64, contentType string, progress func(sent int64)) error {
	if err := needToken(accessToken); err != nil {
		return err
	}
	if size <= 0 { // net/http takes 0 for "unknown" and would send chunks
		return core.Errorf(core.CodeValidation, "an empty object cannot be uploaded")
	}
	body := io.Reader(&meter{r: r, progress: progress})
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.objectURL("", bucket, path), body)
	if err != nil {
		return unreachable("Storage", err)
	}
	req.ContentLength = size
	req.Header.Set("Content-Type", contentType)
	req.Header.Set("Cache-Control", "max-age=31536000") // seconds, a year: an object is never written again
	req.Header.Set("X-Upsert", "false")
	resp, err := c.do(req, accessToken)
	if err != nil {
		return unreachable("Storage", err)
	}
	if isSuccess(resp.StatusCode) {
		return resp.Body.Close()
	}
	answer, err := readReply(resp)
	if err != nil {
		return unreachable("Storage", err)
	}
	return storageError(answer)
}

// Remove deletes an object, as the user whose token it is. NOT_FOUND also when the user may not: Storage does not tell the two apart.
func (c *Client) Remove(ctx context.Context, accessToken, bucket, path string) error {
	if err := needToken(accessToken); err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodDelete, c.objectURL("", bucket, path), nil)
	if err != nil {
		return unreachable("Storage", err)
	}
	resp, err := c.do(req, accessToken)
	if err != nil {
		return unreachable("Storage", err)
	}
	if isSuccess(resp.StatusCode) {
		return resp.Body.Close()
	}
	answer, err := readReply(resp)
	if err != nil {
		return unreachable("Storage", err)
	}
	return storageError(answer)
}

// objectURL escapes every segment of the name: it may hold spaces, '#', '?' or '%'.
func (c *Client) objectURL(access, bucket, path string) string {
	parts := []string{c.base.String(), "storage/v1/object"}
	if access != "" {
		parts = append(parts, access)
	}
	parts = append(parts, url.PathEscape(bucket))
	for segment := range strings.SplitSeq(path, "/") {
		parts = append(parts, url.PathEscape(segment))
	}
	return strings.Join(parts, "/")
}

type meter struct {
	r        io.Reader
	sent     int64
	progress func(int64)
}

func (m *meter) Read(p []byte) (int, error) {
	n, err := m.r.Read(p)
	m.sent += int64(n)
	if n > 0 && m.progress != nil {
		m.progress(m.sent)
	}
	return n, err
}
