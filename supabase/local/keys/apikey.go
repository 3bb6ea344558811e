package keys

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/asn1"
	"math/big"

	"github.com/golang-jwt/jwt/v5"
)

// The roles that API keys stand for.
const (
	RoleAnon    = "anon"
	RoleService = "service_role"
)

// apiKey is one accepted key. Its order in Keyring.api is fixed: the index constants below.
type apiKey struct {
	key  string
	hash [sha256.Size]byte
	role string
}

const (
	anonJWT = iota
	serviceJWT
	publishable
	secret
)

func (k *Keyring) apiKeys(m Material, issuer string) ([]apiKey, error) {
	anon, err := k.roleToken(RoleAnon, issuer, m.IssuedAt)
	if err != nil {
		return nil, err
	}
	service, err := k.roleToken(RoleService, issuer, m.IssuedAt)
	if err != nil {
		return nil, err
	}
	return []apiKey{
		anonJWT:     newKnownKey(anon, RoleAnon),
		serviceJWT:  newKnownKey(service, RoleService),
		publishable: newKnownKey(m.PublishableKey, RoleAnon),
		secret:      newKnownKey(m.SecretKey, RoleService),
	}, nil
}

func newKnownKey(key, role string) apiKey {
	return apiKey{key: key, hash: sha256.Sum256([]byte(key)), role: role}
}

func (k *Keyring) roleToken(role, issuer string, issuedAt int64) (string, error) {
	return k.signStable(jwt.MapClaims{
		"iss": issuer, "role": role, "iat": issuedAt, "exp": issuedAt + int64(apiKeyLife.Seconds()),
	})
}

// AnonKey is the public JWT API key, of role anon.
func (k *Keyring) AnonKey() string { return k.api[anonJWT].key }

// ServiceRoleKey is the secret JWT API key, of role service_role: whoever has it may do everything.
func (k *Keyring) ServiceRoleKey() string { return k.api[serviceJWT].key }

// PublishableKey is the public API key in its newer form, sb_publishable_…; it is no JWT.
func (k *Keyring) PublishableKey() string { return k.api[publishable].key }

// SecretKey is the secret API key in its newer form, sb_secret_…; it is no JWT.
func (k *Keyring) SecretKey() string { return k.api[secret].key }

// ResolveAPIKey says which role ("anon" or "service_role") an API key stands for; ok is false for anything that is not exactly one of the
// four keys. It takes the same time whichever key matches, or none: it compares hashes, all of them, without a branch.
func (k *Keyring) ResolveAPIKey(apikey string) (role string, ok bool) {
	hash := sha256.Sum256([]byte(apikey))
	found := -1
	for i := range k.api {
		match := subtle.ConstantTimeCompare(hash[:], k.api[i].hash[:])
		found = subtle.ConstantTimeSelect(match, i, found)
	}
	if found < 0 {
		return "", false
	}
	return k.api[found].role, true
}

// stableES256 signs as RFC 7518, 3.4 wants it (R ‖ S, 32 bytes each), with the nonce of RFC 6979 in place of randomness.
func stableES256(key *ecdsa.PrivateKey, text string) ([]byte, error) {
	digest := sha256.Sum256([]byte(text))
	der, err := key.Sign(nil, digest[:], crypto.SHA256) // nil randomness: deterministic, see crypto/ecdsa
	if err != nil {
		return nil, err
	}
	var point struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(der, &point); err != nil {
		return nil, err
	}
	signature := make([]byte, 64)
	point.R.FillBytes(signature[:32])
	point.S.FillBytes(signature[32:])
	return signature, nil
}
