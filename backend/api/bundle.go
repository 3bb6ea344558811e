package api

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"github.com/stark-o/stark/backend/core"
)

// maxBundle is the size of the largest bundle, in bytes; the bucket has the same limit.
const maxBundle = 50 << 20

// bundle is what a bundle was found to be.
type bundle struct {
	sha256 string // hex
	size   int64  // bytes
}

// measure streams a bundle out of Storage with the caller's own token: what they may not read they cannot register.
func (s *Server) measure(ctx context.Context, who caller, path string) (bundle, error) {
	body, size, err := s.cfg.Objects.OpenObject(ctx, who.token, core.BundleBucket, path)
	if errors.Is(err, core.ErrNotFound) || errors.Is(err, core.ErrForbidden) {
		return bundle{}, core.Invalid("bundlePath", "there is no such object in bucket %q that you may read", core.BundleBucket).
			WithHint("Upload the bundle first.").WithCause(err)
	}
	if err != nil {
		return bundle{}, fmt.Errorf("open bundle: %w", err)
	}
	defer func() { _ = body.Close() }() // it was read: there is nothing left to fail
	if size > maxBundle {
		return bundle{}, tooLarge()
	}
	hash := sha256.New()
	n, err := io.Copy(hash, io.LimitReader(body, maxBundle+1))
	switch {
	case err != nil:
		return bundle{}, fmt.Errorf("read bundle: %w", err)
	case n > maxBundle:
		return bundle{}, tooLarge()
	case n == 0:
		return bundle{}, core.Invalid("bundlePath", "the object is empty")
	}
	return bundle{sha256: hex.EncodeToString(hash.Sum(nil)), size: n}, nil
}

func tooLarge() error {
	return core.Errorf(core.CodeTooLarge, "the bundle is larger than %d bytes", maxBundle)
}
