package storage_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"testing"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/supabase/local/keys"
)

// unsignedToken is a JWT with alg none.
func unsignedToken(claims jwt.MapClaims) string {
	text, _ := json.Marshal(claims) // strings and numbers
	return base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"JWT"}`)) + "." + base64.RawURLEncoding.EncodeToString(text) + "."
}

// newWorldKeys are the keys of a stack that is not this one.
func newWorldKeys(t *testing.T) *keys.Keyring {
	t.Helper()
	material, err := keys.Generate()
	require.NoError(t, err)
	ring, err := keys.New(material, keys.Config{Issuer: "http://127.0.0.1/auth/v1"})
	require.NoError(t, err)
	return ring
}

// feeder is the sending end of a body that is written bit by bit.
type feeder struct{ w *io.PipeWriter }

func newPipe() (io.Reader, feeder) {
	r, w := io.Pipe()
	return r, feeder{w}
}

func (f feeder) write(t *testing.T, text string) {
	t.Helper()
	_, err := io.WriteString(f.w, text)
	require.NoError(t, err)
}

func (f feeder) close(t *testing.T) {
	t.Helper()
	require.NoError(t, f.w.Close())
}

// breakOff makes whoever reads fail.
func (f feeder) breakOff() { _ = f.w.CloseWithError(context.Canceled) } // never an error, says io

// pattern is an endless, cheap, position-dependent stream of bytes.
type pattern struct{ at int64 }

func (p *pattern) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = byte((p.at + int64(i)) * 31 >> 3)
	}
	p.at += int64(len(b))
	return len(b), nil
}
