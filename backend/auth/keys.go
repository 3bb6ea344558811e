package auth

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/MicahParks/jwkset"
	"github.com/golang-jwt/jwt/v5"
	"golang.org/x/sync/singleflight"

	"github.com/stark-o/stark/backend/core"
)

const (
	fetchTimeout = 5 * time.Second
	maxJWKSBytes = 256 << 10
	maxKeys      = 64
	minRSABits   = 2048

	// freshFor: keys this old are fetched again, so that a revoked one is forgotten.
	freshFor = 10 * time.Minute
	// usableFor: when that fails, older keys still count for as long as a token lives by default.
	usableFor = time.Hour
	// refetchAfter bounds how often tokens with unknown keys make us ask; retryAfter, how often after a failure.
	refetchAfter = 10 * time.Second
	retryAfter   = time.Second
)

// keySet is a bounded cache of a project's public keys. jwkset parses them; its own HTTP storage is not used because it fetches once before it
// returns, reads answers of any size, makes callers queue for its rate limiter, and cannot tell "unknown key" from "cannot ask".
type keySet struct {
	url    string
	http   *http.Client
	log    *slog.Logger
	now    func() time.Time
	ctx    context.Context
	cancel context.CancelFunc
	flight singleflight.Group

	mu      sync.RWMutex // guards what follows; never held during a fetch
	keys    map[string]publicKey
	fetched time.Time // last success
	tried   time.Time // last attempt
	failure error     // of the last attempt
}

type publicKey struct {
	alg string // the one algorithm that it verifies
	key any    // *ecdsa.PublicKey or *rsa.PublicKey
}

func newKeySet(ctx context.Context, cfg Config) *keySet {
	ctx, cancel := context.WithCancel(ctx)
	return &keySet{url: cfg.JWKSURL, http: cfg.HTTP, log: cfg.Log, now: cfg.Now, ctx: ctx, cancel: cancel}
}

func (k *keySet) close() {
	k.cancel()
	k.http.CloseIdleConnections()
}

// find returns the key of this id if it is for this algorithm. It asks the endpoint at most once in refetchAfter, and only who brings an
// unknown key waits for the answer.
func (k *keySet) find(ctx context.Context, kid, alg string) (any, error) {
	known, fetch := k.lookup(kid)
	if fetch {
		done := k.refresh()
		if known.key == nil {
			if err := wait(ctx, done); err != nil {
				return nil, err
			}
			known, _ = k.lookup(kid)
		}
	}
	if known.key == nil {
		if err := k.trouble(); err != nil {
			return nil, err
		}
		return nil, errors.New("signed with an unknown key")
	}
	if known.alg != alg {
		return nil, fmt.Errorf("its key is for %s, not for %s", known.alg, alg)
	}
	return known.key, nil
}

// lookup gives the key, zero when there is none that counts, and whether the endpoint should be asked now.
func (k *keySet) lookup(kid string) (found publicKey, fetch bool) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	now := k.now()
	age := now.Sub(k.fetched)
	if !k.fetched.IsZero() && age < usableFor {
		found = k.keys[kid]
	}
	pause := refetchAfter
	if k.failure != nil {
		pause = retryAfter
	}
	due := k.tried.IsZero() || now.Sub(k.tried) >= pause
	return found, due && (found.key == nil || age >= freshFor)
}

// trouble is why an unknown key may only be unknown to us.
func (k *keySet) trouble() error {
	k.mu.RLock()
	defer k.mu.RUnlock()
	if k.failure == nil {
		return nil
	}
	return core.Errorf(core.CodeUnavailable, "tokens cannot be checked right now").WithHint("Try again in a moment.").WithCause(k.failure)
}

// refresh fetches the keys once for all who ask meanwhile. The outcome is in k; the fetch belongs to k, not to whoever asked first.
func (k *keySet) refresh() <-chan singleflight.Result {
	return k.flight.DoChan("jwks", func() (any, error) {
		keys, err := k.fetch()
		k.store(keys, err)
		return nil, nil
	})
}

func wait(ctx context.Context, done <-chan singleflight.Result) error {
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return core.Errorf(core.CodeUnavailable, "tokens cannot be checked right now").WithCause(context.Cause(ctx))
	}
}

func (k *keySet) store(keys map[string]publicKey, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.tried = k.now()
	if err != nil {
		if k.failure == nil { // say it once, not with every attempt
			k.log.Warn("cannot fetch the keys that tokens are signed with", "url", k.url, "err", err)
		}
		k.failure = err
		return
	}
	if k.failure != nil {
		k.log.Info("the keys that tokens are signed with can be fetched again", "url", k.url)
	}
	k.keys, k.fetched, k.failure = keys, k.tried, nil
}

func (k *keySet) fetch() (map[string]publicKey, error) {
	ctx, cancel := context.WithTimeout(k.ctx, fetchTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, k.url, nil)
	if err != nil {
		return nil, fmt.Errorf("jwks: %w", err)
	}
	req.Header.Set("Accept", "application/json")
	resp, err := k.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("jwks: %w", err)
	}
	defer func() { _ = resp.Body.Close() }() // it was read: there is nothing left to fail
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("jwks: status %d", resp.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxJWKSBytes+1))
	if err != nil {
		return nil, fmt.Errorf("jwks: %w", err)
	}
	if len(body) > maxJWKSBytes {
		return nil, fmt.Errorf("jwks: more than %d bytes", maxJWKSBytes)
	}
	return parseKeys(body)
}

// parseKeys reads a JWKS (RFC 7517). Keys that this package has no use for — other kinds, other curves, weak ones, keys for encryption,
// symmetric ones — are left out, so that one odd key does not take the others down.
func parseKeys(body []byte) (map[string]publicKey, error) {
	var set struct {
		Keys []jwkset.JWKMarshal `json:"keys"`
	}
	if err := json.Unmarshal(body, &set); err != nil {
		return nil, fmt.Errorf("jwks: %w", err)
	}
	if len(set.Keys) > maxKeys {
		return nil, fmt.Errorf("jwks: more than %d keys", maxKeys)
	}
	keys := make(map[string]publicKey, len(set.Keys))
	for _, marshal := range set.Keys {
		if marshal.KID == "" || (marshal.USE != "" && marshal.USE != jwkset.UseSig) {
			continue
		}
		jwk, err := jwkset.NewJWKFromMarshal(marshal, jwkset.JWKMarshalOptions{}, jwkset.JWKValidateOptions{})
		if err != nil {
			continue
		}
		if key, ok := usable(jwk.Key()); ok && (marshal.ALG == "" || string(marshal.ALG) == key.alg) {
			keys[marshal.KID] = key
		}
	}
	return keys, nil
}

func usable(key any) (publicKey, bool) {
	switch key := key.(type) {
	case *ecdsa.PublicKey:
		return publicKey{alg: jwt.SigningMethodES256.Alg(), key: key}, key.Curve == elliptic.P256()
	case *rsa.PublicKey:
		return publicKey{alg: jwt.SigningMethodRS256.Alg(), key: key}, key.N.BitLen() >= minRSABits
	}
	return publicKey{}, false
}
