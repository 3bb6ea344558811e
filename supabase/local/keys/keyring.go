package keys

import (
	"crypto/ecdsa"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

const (
	minSecretBytes = 32 // RFC 7518, 3.2: a key at least as long as the hash
	maxTokenBytes  = 16 << 10
	defaultIssuer  = "supabase-demo" // what the Supabase CLI writes into the API keys of local stacks
	apiKeyLife     = 10 * 365 * 24 * time.Hour
)

// ErrTokenTooLong is a token of more than 16 KiB; it is refused unread.
var ErrTokenTooLong = errors.New("token is too long")

// Config says how a Keyring signs.
type Config struct {
	// Secret, when set, makes every token HS256; at least 32 bytes. Empty: ES256 with the material's key.
	Secret string
	// Issuer is the `iss` of the JWT API keys; default "supabase-demo". Tokens of users carry what their signer puts into the claims.
	Issuer string
	// Now is the clock that expiry is checked against; default time.Now.
	Now func() time.Time
}

// Keyring signs and verifies the stack's JWTs and knows its API keys. It is immutable and safe for concurrent use.
type Keyring struct {
	method  jwt.SigningMethod
	signing any // *ecdsa.PrivateKey or []byte
	verify  any // *ecdsa.PublicKey or []byte
	kid     string
	parser  *jwt.Parser
	jwks    []byte
	api     []apiKey
}

// New makes a Keyring of m. The material's ES256 key is not used, but must be sound, when cfg.Secret is set. Returns ErrMaterial, or an
// error about the secret's length.
func New(m Material, cfg Config) (*Keyring, error) {
	if cfg.Issuer == "" {
		cfg.Issuer = defaultIssuer
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if err := m.validate(); err != nil {
		return nil, err
	}
	private, err := m.PrivateKey.private()
	if err != nil {
		return nil, err
	}
	k := &Keyring{}
	if cfg.Secret == "" {
		k.method, k.signing, k.verify, k.kid = jwt.SigningMethodES256, private, &private.PublicKey, m.PrivateKey.KeyID
	} else {
		if len(cfg.Secret) < minSecretBytes {
			return nil, fmt.Errorf("keys: the JWT secret must have at least %d bytes", minSecretBytes)
		}
		k.method, k.signing, k.verify = jwt.SigningMethodHS256, []byte(cfg.Secret), []byte(cfg.Secret)
	}
	k.parser = jwt.NewParser(
		jwt.WithValidMethods([]string{k.method.Alg()}),
		jwt.WithExpirationRequired(),
		jwt.WithStrictDecoding(),
		jwt.WithTimeFunc(cfg.Now),
	)
	if k.jwks, err = publicSet(m.PrivateKey, cfg.Secret == ""); err != nil {
		return nil, err
	}
	if k.api, err = k.apiKeys(m, cfg.Issuer); err != nil {
		return nil, err
	}
	return k, nil
}

// Algorithm is the one algorithm this keyring signs with and accepts: "ES256" or "HS256".
func (k *Keyring) Algorithm() string { return k.method.Alg() }

// Sign makes a compact JWS of claims. In ES256 mode its header names the key. The claims are written as they are: exp is the caller's to set,
// and Parse refuses a token without it.
func (k *Keyring) Sign(claims jwt.MapClaims) (string, error) {
	signed, err := k.token(claims).SignedString(k.signing)
	if err != nil {
		return "", fmt.Errorf("keys: sign token: %w", err)
	}
	return signed, nil
}

func (k *Keyring) token(claims jwt.MapClaims) *jwt.Token {
	token := jwt.NewWithClaims(k.method, claims)
	if k.kid != "" {
		token.Header["kid"] = k.kid
	}
	return token
}

// Parse verifies a compact JWS: algorithm, key id, signature, exp (needed) and nbf. It does not look at iss, aud or role: those mean
// something different to each caller. Errors match ErrTokenTooLong or those of golang-jwt (jwt.ErrTokenExpired, ErrTokenMalformed,
// ErrTokenSignatureInvalid, ErrTokenUnverifiable, …) with errors.Is.
func (k *Keyring) Parse(token string) (jwt.MapClaims, error) {
	if len(token) > maxTokenBytes {
		return nil, fmt.Errorf("keys: %w", ErrTokenTooLong)
	}
	claims := jwt.MapClaims{}
	if _, err := k.parser.ParseWithClaims(token, claims, k.keyFor); err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	return claims, nil
}

var errUnknownKey = errors.New("the kid is not one of this stack's")

func (k *Keyring) keyFor(token *jwt.Token) (any, error) {
	if k.kid != "" && token.Header["kid"] != k.kid {
		return nil, errUnknownKey
	}
	return k.verify, nil
}

// JWKS is the JSON Web Key Set to publish: the public key, or no key at all in HS256 mode.
func (k *Keyring) JWKS() []byte { return append([]byte(nil), k.jwks...) }

// publicKey is a JWK without its secret, in the members that Supabase publishes.
type publicKey struct {
	Algorithm  string   `json:"alg"`
	Curve      string   `json:"crv"`
	Ext        bool     `json:"ext"`
	Operations []string `json:"key_ops"`
	KeyID      string   `json:"kid"`
	KeyType    string   `json:"kty"`
	Use        string   `json:"use"`
	X          string   `json:"x"`
	Y          string   `json:"y"`
}

func publicSet(j JWK, published bool) ([]byte, error) {
	set := struct {
		Keys []publicKey `json:"keys"`
	}{Keys: []publicKey{}}
	if published {
		set.Keys = append(set.Keys, publicKey{
			Algorithm: j.Algorithm, Curve: j.Curve, Ext: true, Operations: []string{"verify"},
			KeyID: j.KeyID, KeyType: j.KeyType, Use: "sig", X: j.X, Y: j.Y,
		})
	}
	text, err := json.Marshal(set)
	if err != nil {
		return nil, fmt.Errorf("keys: encode JWKS: %w", err)
	}
	return text, nil
}

// signStable is Sign with a signature that depends on nothing but key and claims (RFC 6979 for ECDSA), so that the same material gives the
// same API keys each time the stack starts.
func (k *Keyring) signStable(claims jwt.MapClaims) (string, error) {
	private, ok := k.signing.(*ecdsa.PrivateKey)
	if !ok {
		return k.Sign(claims)
	}
	token := k.token(claims)
	text, err := token.SigningString()
	if err != nil {
		return "", fmt.Errorf("keys: encode token: %w", err)
	}
	signature, err := stableES256(private, text)
	if err != nil {
		return "", fmt.Errorf("keys: sign token: %w", err)
	}
	return text + "." + token.EncodeSegment(signature), nil
}
