package wire

import "context"

// Once is what a client says to have a request carried out at most once, however often it is sent.
type Once struct {
	Key     string // Idempotency-Key
	Request string // SHA-256 of route and body
	// Replayed is set when the request had been carried out before.
	Replayed bool
}

type onceKey struct{}

// WithOnce has creations under this context carried out at most once.
func WithOnce(ctx context.Context, once *Once) context.Context {
	return context.WithValue(ctx, onceKey{}, once)
}

// OnceOf returns what WithOnce has put there, or nil.
func OnceOf(ctx context.Context) *Once {
	once, _ := ctx.Value(onceKey{}).(*Once)
	return once
}
