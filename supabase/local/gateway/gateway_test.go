package gateway_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/supabase/local/gateway"
)

// ring is a keyring of four well-known keys.
type ring struct{}

func (ring) AnonKey() string        { return "anon.jwt.key" }
func (ring) ServiceRoleKey() string { return "service.jwt.key" }
func (ring) ResolveAPIKey(key string) (string, bool) {
	role, ok := map[string]string{
		"anon.jwt.key": "anon", "service.jwt.key": "service_role", "sb_publishable_1": "anon", "sb_secret_1": "service_role",
	}[key]
	return role, ok
}

// echo answers with what reached it.
var echo = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Path", r.URL.EscapedPath())
	w.Header().Set("X-Query", r.URL.RawQuery)
	w.Header().Set("X-Authorization", r.Header.Get("Authorization"))
	w.Header().Set("X-Passed-Id", r.Header.Get("X-Request-Id"))
	_, _ = io.Copy(w, r.Body)
})

func serve(t *testing.T, cfg gateway.Config) string {
	t.Helper()
	cfg.Keys = ring{}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	s := httptest.NewServer(gateway.New(cfg))
	t.Cleanup(s.Close)
	return s.URL
}

func do(t *testing.T, method, url string, header ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	require.NoError(t, err)
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer func() { require.NoError(t, res.Body.Close()) }()
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return res, string(body)
}

const (
	missing = `{"message":"No API key found in request","hint":"No ` + "`apikey`" + ` request header or url param was found."}`
	invalid = `{"message":"Invalid API key","hint":"Double check your Supabase ` + "`anon` or `service_role`" + ` API key."}`
)

func TestAPIKeyIsDemanded(t *testing.T) {
	t.Parallel()
	url := serve(t, gateway.Config{Auth: echo, Storage: echo})
	for _, path := range []string{"/auth/v1/token", "/auth/v1/user", "/auth/v1/health", "/auth/v1", "/auth/v1/verifyx", "/rest/v1/", "/graphql/v1", "/realtime/v1/websocket", "/pg/query"} {
		res, body := do(t, http.MethodGet, url+path)
		require.Equal(t, http.StatusUnauthorized, res.StatusCode, path)
		require.JSONEq(t, missing, body, path)
		require.Equal(t, "UNAUTHORIZED_MISSING_API_KEY", res.Header.Get("Sb-Error-Code"))
		// A user's token is no API key.
		res, _ = do(t, http.MethodGet, url+path, "Authorization", "Bearer user.jwt.token")
		require.Equal(t, http.StatusUnauthorized, res.StatusCode, path)
		for _, bad := range []string{"x", "sb_publishable_2", "user.jwt.token"} {
			res, body = do(t, http.MethodGet, url+path, "apikey", bad)
			require.Equal(t, http.StatusUnauthorized, res.StatusCode, path)
			require.JSONEq(t, invalid, body, path)
		}
	}
	for _, tc := range [][]string{
		{"/auth/v1/user", "apikey", "sb_publishable_1", "Authorization", "Bearer sb_secret_1"},  // they disagree
		{"/storage/v1/bucket", "apikey", "anon.jwt.key", "Authorization", "Bearer sb_secret_1"}, // the same, where no key is needed
		{"/storage/v1/bucket", "Authorization", "Bearer sb_secret_2"},
		{"/storage/v1/bucket", "apikey", "sb_secret_2"},
	} {
		res, body := do(t, http.MethodGet, url+tc[0], tc[1:]...)
		require.Equal(t, http.StatusUnauthorized, res.StatusCode, tc)
		require.JSONEq(t, invalid, body)
	}
}

func TestOpenRoutes(t *testing.T) {
	t.Parallel()
	url := serve(t, gateway.Config{Auth: echo, Storage: echo})
	for path, want := range map[string]string{
		"/auth/v1/verify?token=x":                           "/verify",
		"/auth/v1/callback":                                 "/callback",
		"/auth/v1/authorize":                                "/authorize",
		"/auth/v1/.well-known/jwks.json":                    "/.well-known/jwks.json",
		"/storage/v1/object/public/b/a%20b/c%2Fd":           "/object/public/b/a%20b/c%2Fd",
		"/storage/v1/object/sign/b/k?token=x":               "/object/sign/b/k",
		"/storage/v1/status":                                "/status",
		"/storage/v1/object/public/b/../../../auth/v1/user": "/object/public/b/../../../auth/v1/user",
	} {
		res, _ := do(t, http.MethodGet, url+path)
		require.Equal(t, http.StatusOK, res.StatusCode, path)
		require.Equal(t, want, res.Header.Get("X-Path"))
		require.Empty(t, res.Header.Get("X-Authorization"), "nobody is given a role")
	}
}

func TestKeysBecomeTokens(t *testing.T) {
	t.Parallel()
	url := serve(t, gateway.Config{Auth: echo, Storage: echo})
	for _, tc := range []struct {
		header []string
		want   string
	}{
		{[]string{"apikey", "sb_publishable_1"}, "Bearer anon.jwt.key"},
		{[]string{"apikey", "sb_secret_1"}, "Bearer service.jwt.key"},
		{[]string{"apikey", "sb_secret_1", "Authorization", "Bearer sb_secret_1"}, "Bearer service.jwt.key"},
		{[]string{"apikey", "sb_publishable_1", "Authorization", "Bearer user.jwt.token"}, "Bearer user.jwt.token"},
		{[]string{"apikey", "service.jwt.key", "Authorization", "bearer user.jwt.token"}, "bearer user.jwt.token"},
		{[]string{"apikey", "anon.jwt.key"}, "Bearer anon.jwt.key"},
		{[]string{"apikey", "anon.jwt.key", "Authorization", "Bearer service.jwt.key"}, "Bearer service.jwt.key"},
	} {
		for _, path := range []string{"/auth/v1/user", "/storage/v1/bucket"} {
			res, _ := do(t, http.MethodGet, url+path, tc.header...)
			require.Equal(t, http.StatusOK, res.StatusCode, tc.header)
			require.Equal(t, tc.want, res.Header.Get("X-Authorization"), tc.header)
		}
	}
	// In the query, as a WebSocket's must be; and as a token only, as storage-go sends it.
	res, _ := do(t, http.MethodGet, url+"/auth/v1/user?a=%2C&apikey=sb_publishable_1&xapikey=b")
	require.Equal(t, "Bearer anon.jwt.key", res.Header.Get("X-Authorization"))
	require.Equal(t, "a=%2C&xapikey=b", res.Header.Get("X-Query"), "the key goes no further")
	res, _ = do(t, http.MethodGet, url+"/storage/v1/bucket", "Authorization", "Bearer sb_secret_1")
	require.Equal(t, "Bearer service.jwt.key", res.Header.Get("X-Authorization"))
}

func TestWhatIsNotThereSaysSo(t *testing.T) {
	t.Parallel()
	url := serve(t, gateway.Config{})
	for path, what := range map[string]string{
		"/rest/v1/pods": "PostgREST", "/graphql/v1": "GraphQL", "/realtime/v1/websocket": "Realtime", "/functions/v1/hello": "Edge Functions",
		"/pg/tables": "postgres-meta", "/auth/v1/user": "Auth", "/storage/v1/bucket": "Storage",
	} {
		res, body := do(t, http.MethodGet, url+path, "apikey", "anon.jwt.key")
		require.Equal(t, http.StatusNotImplemented, res.StatusCode, path)
		require.Contains(t, body, what)
		require.Contains(t, body, `"code":"not_implemented"`)
	}
	for _, path := range []string{"/", "/auth", "/auth/v2", "/auth/v1x", "/storage/v10/bucket", "/pgx"} {
		res, body := do(t, http.MethodGet, url+path, "apikey", "anon.jwt.key")
		require.Equal(t, http.StatusNotFound, res.StatusCode, path)
		require.JSONEq(t, `{"message":"no Route matched with those values"}`, body)
	}
}

func TestCORS(t *testing.T) {
	t.Parallel()
	url := serve(t, gateway.Config{Auth: echo, Storage: echo})
	res, body := do(t, http.MethodOptions, url+"/auth/v1/token", "Origin", "https://app.example", "Access-Control-Request-Method", "POST",
		"Access-Control-Request-Headers", "apikey,authorization,x-client-info")
	require.Equal(t, http.StatusOK, res.StatusCode, "a preflight carries no key")
	require.Empty(t, body)
	require.Equal(t, "*", res.Header.Get("Access-Control-Allow-Origin"))
	require.Equal(t, "apikey,authorization,x-client-info", res.Header.Get("Access-Control-Allow-Headers"))
	for _, method := range []string{"GET", "HEAD", "PUT", "PATCH", "POST", "DELETE"} {
		require.Contains(t, strings.Split(res.Header.Get("Access-Control-Allow-Methods"), ","), method)
	}
	res, _ = do(t, http.MethodGet, url+"/auth/v1/user", "Origin", "https://app.example")
	require.Equal(t, http.StatusUnauthorized, res.StatusCode)
	require.Equal(t, "*", res.Header.Get("Access-Control-Allow-Origin"), "a page must be able to read why")
	res, _ = do(t, http.MethodOptions, url+"/storage/v1/upload/resumable")
	require.Equal(t, "/upload/resumable", res.Header.Get("X-Path"), "without a requested method it is no preflight")
}

func TestRequestIDs(t *testing.T) {
	t.Parallel()
	url := serve(t, gateway.Config{Storage: echo})
	first, _ := do(t, http.MethodGet, url+"/storage/v1/status", "X-Request-Id", "forged")
	second, _ := do(t, http.MethodGet, url+"/storage/v1/status")
	require.NotEmpty(t, first.Header.Get("X-Request-Id"))
	require.NotEqual(t, "forged", first.Header.Get("X-Request-Id"))
	require.NotEqual(t, first.Header.Get("X-Request-Id"), second.Header.Get("X-Request-Id"))
	require.Equal(t, first.Header.Get("X-Request-Id"), first.Header.Get("X-Passed-Id"))
}

func TestPanics(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	storage := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/late" {
			_, _ = io.WriteString(w, strings.Repeat("half", 1<<20))
		}
		panic("boom")
	})
	h := gateway.New(gateway.Config{Keys: ring{}, Storage: storage, Log: slog.New(slog.NewTextHandler(&log, nil))})
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/storage/v1/early?token=secret", nil))
	require.Equal(t, http.StatusInternalServerError, rec.Code)
	require.JSONEq(t, `{"message":"An unexpected error occurred"}`, rec.Body.String())
	require.Contains(t, log.String(), "boom")
	require.Contains(t, log.String(), rec.Header().Get("X-Request-Id"))
	require.NotContains(t, log.String(), "secret")

	// An answer that had begun is cut off, so that nobody takes half for whole.
	url := serve(t, gateway.Config{Storage: storage})
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/storage/v1/late", nil)
	require.NoError(t, err)
	res, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	_, err = io.ReadAll(res.Body)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	require.NoError(t, res.Body.Close())
}

func TestLogHasNoSecrets(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	h := gateway.New(gateway.Config{Keys: ring{}, Storage: echo, Auth: echo, Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/storage/v1/object/sign/b/k?token=url-secret&apikey=sb_secret_1", nil)
	req.Header.Set("Authorization", "Bearer user-secret")
	h.ServeHTTP(httptest.NewRecorder(), req)
	require.Contains(t, log.String(), "path=/storage/v1/object/sign/b/k status=200")
	for _, secret := range []string{"url-secret", "sb_secret_1", "user-secret", "service.jwt.key"} {
		require.NotContains(t, log.String(), secret)
	}
}

// Nothing is held back on the way: each side sees the other's bytes before it sends its own next ones.
func TestBodiesAreNotBuffered(t *testing.T) {
	t.Parallel()
	const rounds = 20
	url := serve(t, gateway.Config{Storage: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rc := http.NewResponseController(w)
		if err := rc.EnableFullDuplex(); err != nil {
			panic(err)
		}
		b := make([]byte, 1)
		for {
			if _, err := io.ReadFull(r.Body, b); errors.Is(err, io.EOF) {
				return
			}
			_, _ = w.Write(b)
			if err := rc.Flush(); err != nil {
				panic(err)
			}
		}
	})})
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	body, feed := io.Pipe()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/storage/v1/object/b/k", body)
	require.NoError(t, err)
	go func() { _, _ = feed.Write([]byte{0}) }() // the answer's headers come with its first byte
	res, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	b := make([]byte, 1)
	for i := range byte(rounds) {
		_, err := io.ReadFull(res.Body, b)
		require.NoError(t, err)
		require.Equal(t, i, b[0])
		_, err = feed.Write([]byte{i + 1})
		require.NoError(t, err)
	}
	require.NoError(t, feed.Close())
	_, err = io.Copy(io.Discard, res.Body)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
}
