package auth_test

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/supabase/local/auth"
	"github.com/stark-o/stark/supabase/local/keys"
	"github.com/stark-o/stark/tests/testdb"
)

func TestMain(m *testing.M) { os.Exit(testdb.Main(m)) }

const (
	issuer   = "http://127.0.0.1:54321/auth/v1"
	password = "correct horse"
)

// world is an Auth server over a database of its own, with a clock that moves when it is told to.
type world struct {
	t        *testing.T
	db       *pgxpool.Pool // as postgres, the developer
	owner    *pgxpool.Pool // as supabase_auth_admin, with the server
	keys     *keys.Keyring
	material keys.Material
	server   *auth.Server
	offset   atomic.Int64 // what the clock is ahead of the real one
}

func newWorld(t *testing.T, options ...func(*auth.Config)) *world {
	t.Helper()
	db := testdb.Bare(t)
	w := &world{t: t, db: openPool(t, db.URL), owner: openPool(t, db.URLFor("supabase_auth_admin"))}
	var err error
	w.material, err = keys.Generate()
	require.NoError(t, err)
	w.keys, err = keys.New(w.material, keys.Config{Now: w.now})
	require.NoError(t, err)
	cfg := auth.Config{
		Pool: w.owner, Keys: w.keys, Issuer: issuer, SiteURL: "http://127.0.0.1:3000",
		Log: slog.New(slog.DiscardHandler), BcryptCost: 4, Now: w.now,
	}
	for _, change := range options {
		change(&cfg)
	}
	w.server = auth.New(cfg)
	return w
}

func openPool(t *testing.T, url string) *pgxpool.Pool {
	t.Helper()
	pool, err := pgxpool.New(t.Context(), url)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	return pool
}

func (w *world) now() time.Time          { return time.Now().Add(time.Duration(w.offset.Load())) }
func (w *world) advance(d time.Duration) { w.offset.Add(int64(d)) }

// object is a JSON object, as it came.
type object = map[string]any

// answer is a response that was read to its end.
type answer struct {
	t      *testing.T
	status int
	header http.Header
	text   string
	body   object // nil when the body is no object
}

// call makes a request; token "" sends none. body is text, nil for none, or what becomes JSON. header is pairs.
func (w *world) call(method, path, token string, body any, header ...string) answer {
	w.t.Helper()
	var sent io.Reader = http.NoBody
	switch b := body.(type) {
	case nil:
	case string:
		sent = bytes.NewBufferString(b)
	default:
		text, err := json.Marshal(b)
		require.NoError(w.t, err)
		sent = bytes.NewReader(text)
	}
	r := httptest.NewRequestWithContext(w.t.Context(), method, path, sent)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	rec := httptest.NewRecorder()
	w.server.ServeHTTP(rec, r)
	a := answer{t: w.t, status: rec.Code, header: rec.Result().Header, text: rec.Body.String()}
	if err := json.Unmarshal(rec.Body.Bytes(), &a.body); err != nil {
		a.body = nil
	}
	return a
}

// ok requires success and returns the body.
func (a answer) ok() object {
	a.t.Helper()
	require.Equal(a.t, http.StatusOK, a.status, a.text)
	return a.body
}

// refused requires a refusal, in the initial shape.
func (a answer) refused(status int, code string) {
	a.t.Helper()
	require.Equal(a.t, status, a.status, a.text)
	require.Equal(a.t, code, a.body["error_code"], a.text)
	require.EqualValues(a.t, status, a.body["code"], a.text)
	require.NotEmpty(a.t, a.body["msg"])
	require.Equal(a.t, code, a.header.Get("X-Sb-Error-Code"))
}

func credentials(email string) object { return object{"email": email, "password": password} }

// signup makes an account and returns the session's answer.
func (w *world) signup(email string) object {
	w.t.Helper()
	return w.call("POST", "/signup", "", credentials(email)).ok()
}

func (w *world) login(email string) object {
	w.t.Helper()
	return w.call("POST", "/token?grant_type=password", "", credentials(email)).ok()
}

func (w *world) refresh(token any) answer {
	w.t.Helper()
	return w.call("POST", "/token?grant_type=refresh_token", "", object{"refresh_token": token})
}

func access(session object) string { return session["access_token"].(string) }

func userID(session object) uuid.UUID {
	return uuid.MustParse(session["user"].(object)["id"].(string))
}

// sign signs claims with the stack's key; it adds exp when it is missing.
func (w *world) sign(claims jwt.MapClaims) string {
	w.t.Helper()
	if _, ok := claims["exp"]; !ok {
		claims["exp"] = w.now().Add(time.Hour).Unix()
	}
	token, err := w.keys.Sign(claims)
	require.NoError(w.t, err)
	return token
}

// count is the number that a query selects, as the developer sees it.
func (w *world) count(sql string, args ...any) int {
	w.t.Helper()
	var n int
	require.NoError(w.t, w.db.QueryRow(w.t.Context(), sql, args...).Scan(&n))
	return n
}

// asAuthAdmin runs SQL as the owner of schema auth.
func (w *world) asAuthAdmin(t *testing.T, sql string, args ...any) {
	t.Helper()
	_, err := w.owner.Exec(t.Context(), sql, args...)
	require.NoError(t, err)
}
