// Package keys is the embedded stack's keyring: it signs and verifies the stack's JWTs, publishes their public half, and knows its API keys.
//
// Two kinds of key exist, as in a hosted project: an ES256 key pair (the default; made once by [Generate] and kept in the state directory),
// or one HS256 secret that somebody configured. A keyring speaks exactly one algorithm, so that a token can never choose how it is checked.
package keys
