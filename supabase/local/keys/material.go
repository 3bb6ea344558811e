package keys

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Prefixes of the API keys that are no JWTs.
const (
	PublishablePrefix = "sb_publishable_"
	SecretPrefix      = "sb_secret_"
)

// ErrMaterial says that key material, read back from disk perhaps, is not what Generate makes.
var ErrMaterial = errors.New("keys: invalid key material")

// JWK is an EC private key as RFC 7517 and RFC 7518, 6.2 write it.
type JWK struct {
	KeyType   string `json:"kty"`
	KeyID     string `json:"kid"`
	Use       string `json:"use"`
	Algorithm string `json:"alg"`
	Curve     string `json:"crv"`
	X         string `json:"x"` // base64url, 32 bytes, as Y and D
	Y         string `json:"y"`
	D         string `json:"d"` // the secret
}

// Material is what a stack must keep to be the same stack after a restart. It goes to disk as JSON and is secret as a whole.
type Material struct {
	PrivateKey     JWK    `json:"private_key"`
	PublishableKey string `json:"publishable_key"`
	SecretKey      string `json:"secret_key"`
	// IssuedAt (unix seconds) is the birth of the JWT API keys; fixed, so that a restart does not invalidate the ones people copied.
	IssuedAt int64 `json:"issued_at"`
}

// Generate makes fresh material: an ES256 key and two sb_ keys. It fails only when the system has no randomness.
func Generate() (Material, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return Material{}, fmt.Errorf("keys: generate ES256 key: %w", err)
	}
	private, err := newJWK(key)
	if err != nil {
		return Material{}, fmt.Errorf("keys: encode ES256 key: %w", err)
	}
	return Material{
		PrivateKey:     private,
		PublishableKey: newAPIKey(PublishablePrefix),
		SecretKey:      newAPIKey(SecretPrefix),
		IssuedAt:       time.Now().Unix(),
	}, nil
}

// newAPIKey makes a key in the form of the hosted ones: prefix, 16 random bytes, and a check sum that lets secret scanners tell it from noise.
func newAPIKey(prefix string) string {
	secret := make([]byte, 16)
	_, _ = rand.Read(secret) // never fails: crypto/rand ends the process instead
	body := prefix + base64.RawURLEncoding.EncodeToString(secret)
	sum := sha256.Sum256([]byte(body))
	return body + "_" + base64.RawURLEncoding.EncodeToString(sum[:6])
}

func newJWK(key *ecdsa.PrivateKey) (JWK, error) {
	d, err := key.Bytes()
	if err != nil {
		return JWK{}, err
	}
	point, err := key.PublicKey.Bytes() // 0x04 ‖ X ‖ Y
	if err != nil {
		return JWK{}, err
	}
	encode := base64.RawURLEncoding.EncodeToString
	return JWK{
		KeyType: "EC", KeyID: uuid.NewString(), Use: "sig", Algorithm: "ES256", Curve: "P-256",
		X: encode(point[1:33]), Y: encode(point[33:]), D: encode(d),
	}, nil
}

// private turns the JWK into a key, and checks that its public half belongs to its secret.
func (j JWK) private() (*ecdsa.PrivateKey, error) {
	if j.KeyType != "EC" || j.Curve != "P-256" || j.Algorithm != "ES256" || j.KeyID == "" {
		return nil, fmt.Errorf("%w: the private key must be an EC P-256 JWK for ES256 with a kid", ErrMaterial)
	}
	d, err := base64.RawURLEncoding.DecodeString(j.D)
	if err != nil {
		return nil, fmt.Errorf("%w: the private key is not base64url", ErrMaterial)
	}
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), d)
	if err != nil {
		return nil, fmt.Errorf("%w: the private key is not on P-256", ErrMaterial)
	}
	again, err := newJWK(key)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMaterial, err)
	}
	if again.X != j.X || again.Y != j.Y {
		return nil, fmt.Errorf("%w: the public half does not belong to the private key", ErrMaterial)
	}
	return key, nil
}

func (m Material) validate() error {
	if len(m.PublishableKey) <= len(PublishablePrefix) || !strings.HasPrefix(m.PublishableKey, PublishablePrefix) {
		return fmt.Errorf("%w: the publishable key must begin with %s", ErrMaterial, PublishablePrefix)
	}
	if len(m.SecretKey) <= len(SecretPrefix) || !strings.HasPrefix(m.SecretKey, SecretPrefix) {
		return fmt.Errorf("%w: the secret key must begin with %s", ErrMaterial, SecretPrefix)
	}
	if m.IssuedAt <= 0 {
		return fmt.Errorf("%w: issued_at is missing", ErrMaterial)
	}
	return nil
}
