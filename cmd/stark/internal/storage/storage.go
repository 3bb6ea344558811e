// Package storage puts a bundle into Supabase Storage as the user who pushes it: straight from here, past the server.
package storage

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// ErrExists says that there is an object at that path already. Nothing was changed.
var ErrExists = errors.New("the object exists already")

// Error is a refusal of Storage.
type Error struct {
	Status  int    // as in the body, where it is the true one: over HTTP most errors are 400
	Kind    string // Storage's own name of it: Unauthorized, invalid_mime_type, …
	Message string
}

// Error is Storage's message with its name.
func (e *Error) Error() string {
	return fmt.Sprintf("Supabase Storage refused: %s (%d %s)", e.Message, e.Status, e.Kind)
}

const maxAnswer = 1 << 20 // bytes

// Client is the Storage of one Supabase project.
type Client struct {
	URL     string // of the project
	AnonKey string // its public key
	HTTP    *http.Client
}

// Upload streams size bytes to bucket/path and calls progress with how many are through, in all. It never overwrites: ErrExists.
// Source: https://github.com/supabase/storage, src/http/routes/object/createObject.ts.
func (c *Client) Upload(ctx context.Context, accessToken, bucket, path string, r io.Reader, size int64, contentType string, progress func(int64)) error {
	segments := strings.Split(bucket+"/"+path, "/")
	for i, s := range segments {
		segments[i] = url.PathEscape(s)
	}
	target := strings.TrimRight(c.URL, "/") + "/storage/v1/object/" + strings.Join(segments, "/")
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target, &counter{r: r, progress: progress})
	if err != nil {
		return fmt.Errorf("make the request: %w", err)
	}
	req.ContentLength = size
	req.Header.Set("apikey", c.AnonKey)
	req.Header.Set("Authorization", "Bearer "+accessToken)
	req.Header.Set("Content-Type", contentType)
	req.Header.Set("Cache-Control", "max-age=31536000") // a bundle's path holds its digest
	req.Header.Set("x-upsert", "false")
	resp, err := c.HTTP.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return fmt.Errorf("reach Supabase Storage: %w", err)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err = errors.Join(err, resp.Body.Close()); err != nil {
		return fmt.Errorf("read Supabase Storage's answer: %w", err)
	}
	if resp.StatusCode == http.StatusOK {
		return nil
	}
	return refusal(resp.StatusCode, body)
}

func refusal(status int, body []byte) error {
	var b struct {
		StatusCode string `json:"statusCode"`
		Error      string `json:"error"`
		Message    string `json:"message"`
	}
	if json.Unmarshal(body, &b) != nil {
		return &Error{Status: status, Kind: http.StatusText(status), Message: "no reason given"}
	}
	if n, err := strconv.Atoi(b.StatusCode); err == nil {
		status = n
	}
	if status == http.StatusConflict {
		return ErrExists
	}
	return &Error{Status: status, Kind: b.Error, Message: cmp.Or(b.Message, "no reason given")}
}

// counter tells how much has been read from r.
type counter struct {
	r        io.Reader
	done     int64
	progress func(int64)
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.done += int64(n)
	if c.progress != nil {
		c.progress(c.done)
	}
	return n, err
}
