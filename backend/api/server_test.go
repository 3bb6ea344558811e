package api

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/fasthttp/websocket"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/wire"
)

func TestPublicRoutes(t *testing.T) {
	t.Parallel()
	w := start(t)
	assert.JSONEq(t, `{"success":true,"data":{"status":"ok","version":"1.2.3"}}`, w.do("GET", "/health", nil, anonymous).body)
	assert.JSONEq(t, `{"success":true,"data":{"version":"1.2.3","supabaseUrl":"http://supabase.example","anonKey":"anon"}}`,
		w.do("GET", "/api/info", nil, anonymous).body)
	a := w.do("GET", "/ready", nil, anonymous)
	assert.Equal(t, 200, a.status)
	assert.JSONEq(t, `{"postgres":{"ok":true}}`, string(a.Data))
	w.notReady = true
	a = w.do("GET", "/ready", nil, anonymous)
	a.refused(t, http.StatusServiceUnavailable, core.CodeUnavailable)
	assert.JSONEq(t, `{"postgres":{"ok":false}}`, string(a.Data), "a failure says what is wrong")
	assert.NotEmpty(t, a.header.Get("Retry-After"))
}

func TestCorrelation(t *testing.T) {
	t.Parallel()
	w := start(t)
	for _, id := range []string{"abc-123-def-456", "a", "A.b_c:d-9", strings.Repeat("x", 128)} {
		assert.Equal(t, id, w.do("GET", "/health", nil, with("X-Correlation-ID", id)).header.Get("X-Correlation-ID"))
	}
	seen := map[string]bool{}
	for _, id := range []string{"", "a b", "a\"b", "é", strings.Repeat("x", 129), "a;drop"} {
		got := w.do("GET", "/health", nil, with("X-Correlation-ID", id)).header.Get("X-Correlation-ID")
		assert.Len(t, got, 36)
		assert.False(t, seen[got])
		seen[got] = true
	}
}

func TestSecurityHeaders(t *testing.T) {
	t.Parallel()
	w := start(t)
	for _, a := range []answer{w.do("GET", "/health", nil), w.do("GET", "/nowhere", nil), w.do("GET", "/api/pods", nil, anonymous)} {
		for name, value := range map[string]string{
			"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store",
		} {
			assert.Equal(t, value, a.header.Get(name))
		}
		assert.Contains(t, a.header.Get("Content-Security-Policy"), "default-src 'none'")
		assert.Empty(t, a.header.Get("Server"))
	}
}

func TestCORS(t *testing.T) {
	t.Parallel()
	w := start(t)
	const allow = "Access-Control-Allow-Origin"
	preflight := with("Access-Control-Request-Method", "POST")
	for _, origin := range []string{"https://evil.example", "https://console.example.com.evil.example", "null", "http://console.example.com"} {
		a := w.do("OPTIONS", "/api/pods", nil, anonymous, with("Origin", origin), preflight)
		assert.Empty(t, a.header.Get(allow), origin)
		assert.Empty(t, a.header.Get("Access-Control-Allow-Methods"))
		assert.Empty(t, w.do("GET", "/api/pods", nil, with("Origin", origin)).header.Get(allow))
	}
	a := w.do("OPTIONS", "/api/pods", nil, anonymous, with("Origin", "https://console.example.com"), preflight)
	assert.Equal(t, http.StatusNoContent, a.status)
	assert.Equal(t, "https://console.example.com", a.header.Get(allow))
	assert.Contains(t, a.header.Get("Access-Control-Allow-Headers"), "Authorization")
	a = w.do("GET", "/api/pods", nil, anonymous, with("Origin", "https://console.example.com"))
	assert.Equal(t, "https://console.example.com", a.header.Get(allow), "a page may read why it was refused")
	assert.Contains(t, a.header.Get("Vary"), "Origin")
	assert.Empty(t, a.header.Get("Access-Control-Allow-Credentials"))

	for _, bad := range []string{"console.example.com", "https://x/path", "https://", ""} {
		_, err := parseOrigins([]string{bad})
		require.Error(t, err, bad)
	}
	open := start(t, func(c *Config) { c.AllowedOrigins = []string{"*"} })
	assert.Equal(t, "https://any.example", open.do("GET", "/health", nil, with("Origin", "https://any.example")).header.Get(allow))
}

func (w *world) dial(origin string) (*websocket.Conn, *http.Response, error) {
	header := http.Header{}
	if origin != "" {
		header.Set("Origin", origin)
	}
	dialer := websocket.Dialer{HandshakeTimeout: 5 * time.Second}
	return dialer.DialContext(w.t.Context(), "ws"+strings.TrimPrefix(w.url, "http")+"/ws", header)
}

func TestSocketOrigins(t *testing.T) {
	t.Parallel()
	w := start(t)
	served := make(chan struct{}, 8)
	w.serve = func(conn SocketConn, _ string) { served <- struct{}{}; _ = conn.Close() }
	for _, origin := range []string{"https://evil.example", "null", "http://127.0.0.1:1", "https://console.example.com.evil.example"} {
		_, resp, err := w.dial(origin)
		require.ErrorIs(t, err, websocket.ErrBadHandshake)
		assert.Equal(t, http.StatusForbidden, resp.StatusCode, origin)
	}
	assert.Empty(t, served)
	for _, origin := range []string{"", "https://console.example.com", w.url} {
		conn, _, err := w.dial(origin)
		require.NoError(t, err, origin)
		<-served
		require.NoError(t, conn.Close())
	}
}

func TestSocketsAreServed(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.serve = func(conn SocketConn, remote string) {
		assert.Equal(t, "127.0.0.1", remote)
		conn.SetReadLimit(64)
		for {
			kind, data, err := conn.ReadMessage()
			if err != nil {
				return
			}
			if string(data) == "panic" {
				panic("the hub fell over")
			}
			assert.NoError(t, conn.WriteMessage(kind, append([]byte("echo "), data...)))
		}
	}
	conn, resp, err := w.dial("")
	require.NoError(t, err)
	defer conn.Close()
	assert.NotEmpty(t, resp.Header.Get("X-Correlation-ID"))
	for _, text := range []string{"one", "two"} {
		require.NoError(t, conn.WriteMessage(websocket.TextMessage, []byte(text)))
		_, data, err := conn.ReadMessage()
		require.NoError(t, err)
		assert.Equal(t, "echo "+text, string(data))
	}
	require.NoError(t, conn.WriteMessage(websocket.TextMessage, []byte("panic")))
	_, _, err = conn.ReadMessage()
	require.Error(t, err)
	require.Eventually(t, func() bool { return strings.Contains(w.logs.String(), "the hub fell over") }, 5*time.Second, time.Millisecond)
	assert.Equal(t, 200, w.do("GET", "/health", nil).status)
}

// Requests have a deadline, and it comes from the server that serves them.
func TestRequestsHaveADeadline(t *testing.T) {
	t.Parallel()
	w := start(t, func(c *Config) {
		c.RequestTimeout = time.Millisecond
		c.Ready = func(ctx context.Context) (bool, any) { <-ctx.Done(); return false, nil }
	})
	assert.Equal(t, http.StatusServiceUnavailable, w.do("GET", "/ready", nil).status)
}

func TestConfiguration(t *testing.T) {
	t.Parallel()
	_, err := New(Config{})
	require.Error(t, err)
}

func TestLogLine(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.do("GET", "/api/pods?name=private", nil, with("X-Correlation-ID", "t1"))
	line := w.logs.String()
	for _, part := range []string{"level=INFO", "method=GET", "path=/api/pods", "status=200", "duration=", "correlation_id=t1", "user_id=" + developer.String()} {
		assert.Contains(t, line, part)
	}
	assert.NotContains(t, line, "private")
	assert.NotContains(t, line, goodToken)
}

func FuzzCursor(f *testing.F) {
	f.Add("")
	f.Add(wire.Cursor{CreatedAt: time.UnixMicro(1).UTC(), ID: someID}.String())
	f.Fuzz(func(t *testing.T, s string) {
		cursor, err := wire.ParseCursor(s)
		if err == nil && !cursor.IsZero() {
			again, err := wire.ParseCursor(cursor.String())
			require.NoError(t, err)
			require.Equal(t, cursor, again)
		}
	})
}
