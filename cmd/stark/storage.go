package main

import (
	"context"
	"net/http"

	"github.com/stark-o/stark/cmd/stark/internal/storage"
)

// storageOf is the Storage of the server that conn is logged in to. The server itself never sees a bundle's bytes on their way in.
func storageOf(ctx context.Context, conn *connection) (*storage.Client, error) {
	url, key := conn.context.SupabaseURL, conn.context.AnonKey
	if url == "" { // the token came from the environment
		info, err := conn.Info(ctx)
		if err != nil {
			return nil, err
		}
		url, key = info.SupabaseURL, info.AnonKey
	}
	return &storage.Client{URL: url, AnonKey: key, HTTP: &http.Client{}}, nil
}
