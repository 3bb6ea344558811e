package main

import (
	"context"

	"github.com/stark-o/stark/backend/supa"
)

// supabaseOf is the Supabase project of the server that conn is logged in to. The server itself never sees a bundle's bytes on their way in.
func supabaseOf(ctx context.Context, conn *connection) (*supa.Client, error) {
	url, key := conn.context.SupabaseURL, conn.context.AnonKey
	if url == "" { // the token came from the environment
		info, err := conn.Info(ctx)
		if err != nil {
			return nil, err
		}
		url, key = info.SupabaseURL, info.AnonKey
	}
	return supa.New(supa.Config{URL: url, AnonKey: key})
}
