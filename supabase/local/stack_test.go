package local_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/supabase"
	"github.com/stark-o/stark/supabase/local"
	"github.com/stark-o/stark/supabase/local/keys"
	"github.com/stark-o/stark/supabase/local/postgres"
	"github.com/stark-o/stark/supabase/migrate"
)

// stateDir is a directory that Postgres's user can reach, which is not this process's when that is root.
func stateDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.Chmod(filepath.Dir(dir), 0o711))
	return filepath.Join(dir, "state")
}

// start brings up a stack that is stopped, at the latest, when the test ends.
func start(t *testing.T, cfg local.Config) *local.Stack {
	t.Helper()
	s, err := local.Start(t.Context(), cfg)
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Stop(context.Background()) }) // tests that care stop it themselves
	return s
}

// answer is a response that was read to its end.
type answer struct {
	status int
	header http.Header
	text   string
}

// call makes a request with the stack's anon key, and token as its bearer unless that is "".
func call(t *testing.T, s *local.Stack, method, path, token string, body any) answer {
	t.Helper()
	text, err := json.Marshal(body)
	require.NoError(t, err)
	req, err := http.NewRequestWithContext(t.Context(), method, s.URL()+path, bytes.NewReader(text))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("apikey", s.AnonKey())
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer func() { require.NoError(t, res.Body.Close()) }()
	got, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return answer{res.StatusCode, res.Header, string(got)}
}

type session struct {
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token"`
	User         struct {
		ID string `json:"id"`
	} `json:"user"`
}

func (a answer) session(t *testing.T) (got session) {
	t.Helper()
	require.Equal(t, http.StatusOK, a.status, a.text)
	require.NoError(t, json.Unmarshal([]byte(a.text), &got))
	return got
}

func login(t *testing.T, s *local.Stack, email, password string) answer {
	t.Helper()
	return call(t, s, http.MethodPost, "/auth/v1/token?grant_type=password", "", map[string]string{"email": email, "password": password})
}

func query[T any](t *testing.T, s *local.Stack, sql string, args ...any) (v T) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), s.DatabaseURL())
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close(t.Context())) }()
	require.NoError(t, conn.QueryRow(t.Context(), sql, args...).Scan(&v))
	return v
}

func TestRestartKeepsEverything(t *testing.T) {
	t.Parallel()
	dir := stateDir(t)
	first := start(t, local.Config{Dir: dir})
	id, err := first.EnsureUser(t.Context(), "dev@example.com", "correct horse", "developer")
	require.NoError(t, err)
	before := login(t, first, "dev@example.com", "correct horse").session(t)
	require.Equal(t, id.String(), before.User.ID)
	object := "/storage/v1/object/packs/" + id.String() + "/hello.json"
	require.Equal(t, http.StatusOK, call(t, first, http.MethodPost, object, before.AccessToken, "hello").status)
	known := []string{first.AnonKey(), first.ServiceRoleKey(), first.PublishableKey(), first.SecretKey()}
	require.NoError(t, first.Stop(t.Context()))
	require.NoError(t, first.Stop(t.Context()), "a second stop")
	require.NoError(t, first.Err())
	<-first.Done()

	info, err := os.Stat(filepath.Join(dir, "keys.json"))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode())

	second := start(t, local.Config{Dir: dir})
	require.Equal(t, known, []string{second.AnonKey(), second.ServiceRoleKey(), second.PublishableKey(), second.SecretKey()})
	again, err := second.EnsureUser(t.Context(), "dev@example.com", "correct horse", "developer")
	require.NoError(t, err)
	require.Equal(t, id, again)
	after := call(t, second, http.MethodPost, "/auth/v1/token?grant_type=refresh_token", "", map[string]string{"refresh_token": before.RefreshToken}).session(t)
	require.Equal(t, id.String(), after.User.ID)
	got := call(t, second, http.MethodGet, object, after.AccessToken, nil)
	require.Equal(t, http.StatusOK, got.status, got.text)
	require.Equal(t, `"hello"`, got.text)
	require.Equal(t, 1, query[int](t, second, "select count(*)::int from auth.sessions"), "checking an account leaves no session behind")
}

func TestEnsureUser(t *testing.T) {
	t.Parallel()
	s := start(t, local.Config{Ephemeral: true})
	id, err := s.EnsureUser(t.Context(), "Admin@Example.com", "password one", "admin")
	require.NoError(t, err)
	require.Equal(t, "admin", query[string](t, s, "select role from public.users where id = $1", id))
	revision := query[int](t, s, "select revision from public.users where id = $1", id)

	again, err := s.EnsureUser(t.Context(), "admin@example.com", "password one", "admin")
	require.NoError(t, err)
	require.Equal(t, id, again)
	require.Equal(t, revision, query[int](t, s, "select revision from public.users where id = $1", id), "nothing was written")

	again, err = s.EnsureUser(t.Context(), "admin@example.com", "password two", "viewer")
	require.NoError(t, err)
	require.Equal(t, id, again)
	require.Equal(t, "viewer", query[string](t, s, "select role from public.users where id = $1", id))
	login(t, s, "admin@example.com", "password two").session(t)
	require.Equal(t, http.StatusBadRequest, login(t, s, "admin@example.com", "password one").status)

	_, err = s.EnsureUser(t.Context(), "not an address", "password", "viewer")
	require.ErrorContains(t, err, "validation_failed")
	_, err = s.EnsureUser(t.Context(), "king@example.com", "password", "king")
	require.ErrorContains(t, err, "give role king")
}

func TestEphemeralLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.Chmod(filepath.Dir(dir), 0o711))
	t.Setenv("TMPDIR", dir)
	s := start(t, local.Config{Ephemeral: true})
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, entries, 1)
	require.NoError(t, s.Stop(t.Context()))
	require.Zero(t, s.Postgres().PID())
	entries, err = os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, entries)
}

func TestBusyPorts(t *testing.T) {
	t.Parallel()
	var lc net.ListenConfig
	other, err := lc.Listen(t.Context(), "tcp4", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, other.Close()) }()
	port := other.Addr().(*net.TCPAddr).Port
	dir := stateDir(t)
	for flag, cfg := range map[string]local.Config{"--api-port": {Dir: dir, APIPort: port}, "--db-port": {Dir: dir, DBPort: port}} {
		_, err = local.Start(t.Context(), cfg)
		require.ErrorIs(t, err, postgres.ErrPortInUse)
		require.ErrorContains(t, err, "port "+strconv.Itoa(port)+" on 127.0.0.1")
		require.ErrorContains(t, err, "choose another port with "+flag)
	}
	// Nothing was left behind that would be in the way. The API port was taken before Postgres refused: it must be free again.
	s := start(t, local.Config{Dir: dir})
	api, err := strconv.Atoi(s.URL()[len("http://127.0.0.1:"):])
	require.NoError(t, err)
	_, err = local.Start(t.Context(), local.Config{Dir: dir, APIPort: api})
	require.ErrorIs(t, err, postgres.ErrLocked, "that it is our own other stack says more than that the port is taken")
	_, err = local.Start(t.Context(), local.Config{Dir: dir})
	require.ErrorIs(t, err, postgres.ErrLocked)
	require.NoError(t, s.Stop(t.Context()))
	require.NoError(t, start(t, local.Config{Dir: dir, APIPort: api}).Stop(t.Context()), "and the port is free at once")
}

func TestPostgresComesBack(t *testing.T) {
	t.Parallel()
	dir := stateDir(t)
	s := start(t, local.Config{Dir: dir})
	id, err := s.EnsureUser(t.Context(), "dev@example.com", "correct horse", "developer")
	require.NoError(t, err)
	token := login(t, s, "dev@example.com", "correct horse").session(t).AccessToken

	data := filepath.Join(dir, "postgres", "data")
	require.NoError(t, os.Rename(data, data+".away")) // so that it stays down until it is told otherwise
	require.NoError(t, s.Postgres().Kill())
	refused := login(t, s, "dev@example.com", "correct horse")
	require.Equal(t, http.StatusServiceUnavailable, refused.status, refused.text)
	require.Equal(t, "unexpected_failure", refused.header.Get("X-Sb-Error-Code"))
	require.Contains(t, refused.text, `"code":503`)
	refused = call(t, s, http.MethodPost, "/storage/v1/object/list/packs", token, map[string]string{"prefix": ""})
	require.Equal(t, http.StatusServiceUnavailable, refused.status, refused.text)
	require.Contains(t, refused.text, `"statusCode":"503"`)
	require.Equal(t, http.StatusOK, call(t, s, http.MethodGet, "/auth/v1/health", "", nil).status, "the stack itself is up")

	require.NoError(t, os.Rename(data+".away", data))
	require.NoError(t, s.Postgres().Ready(t.Context()))
	require.Equal(t, id.String(), login(t, s, "dev@example.com", "correct horse").session(t).User.ID)

	// A crash between two requests costs none: no dead connection is handed out.
	for range 2 {
		require.NoError(t, s.Postgres().Kill())
		require.NoError(t, s.Postgres().Ready(t.Context()))
		require.Equal(t, http.StatusOK, login(t, s, "dev@example.com", "correct horse").status)
		require.Equal(t, http.StatusOK, call(t, s, http.MethodPost, "/storage/v1/object/list/packs", token, map[string]string{"prefix": ""}).status)
	}
}

func TestStackEndsWithPostgres(t *testing.T) {
	t.Parallel()
	s := start(t, local.Config{Ephemeral: true})
	require.NoError(t, s.Err())
	require.NoError(t, s.Postgres().Stop(t.Context()))
	<-s.Done()
	require.ErrorIs(t, s.Err(), postgres.ErrStopped)
	require.ErrorIs(t, s.Stop(t.Context()), postgres.ErrStopped)
	_, err := (&net.Dialer{}).DialContext(t.Context(), "tcp4", s.URL()[len("http://"):])
	require.Error(t, err, "the gateway is gone with it")
}

func TestStopCutsOffWhoDoesNotFinish(t *testing.T) {
	t.Parallel()
	s := start(t, local.Config{Ephemeral: true})
	body, sent := io.Pipe() // an upload that never ends
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL()+"/storage/v1/object/packs/x/endless.json", body)
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer "+s.ServiceRoleKey())
	req.Header.Set("Content-Type", "application/json")
	ended := make(chan error, 1)
	go func() {
		res, err := http.DefaultClient.Do(req)
		if err == nil {
			err = res.Body.Close()
		}
		ended <- err
	}()
	_, err = sent.Write([]byte("some")) // returns once the transport has read it: the request is under way
	require.NoError(t, err)
	hurry, cancel := context.WithCancel(t.Context())
	cancel()
	require.NoError(t, s.Stop(hurry))
	require.NoError(t, sent.Close())
	require.Error(t, <-ended)
}

func TestConfiguredSecret(t *testing.T) {
	t.Parallel()
	s := start(t, local.Config{Ephemeral: true, JWTSecret: "super-secret-jwt-token-with-at-least-32-characters-long"})
	require.Equal(t, `{"keys":[]}`, call(t, s, http.MethodGet, "/auth/v1/.well-known/jwks.json", "", nil).text)
	require.Contains(t, s.AnonKey(), "eyJhbGciOiJIUzI1NiIs", "HS256")
	_, err := s.EnsureUser(t.Context(), "dev@example.com", "correct horse", "developer")
	require.NoError(t, err)
}

func TestBadKeys(t *testing.T) {
	t.Parallel()
	dir := stateDir(t)
	_, err := local.Start(t.Context(), local.Config{Dir: dir, JWTSecret: "short"})
	require.ErrorContains(t, err, "at least 32 bytes")
	path := filepath.Join(dir, "keys.json")
	require.NoError(t, os.WriteFile(path, []byte(`{"private_key"`), 0o600))
	_, err = local.Start(t.Context(), local.Config{Dir: dir})
	require.ErrorIs(t, err, keys.ErrMaterial)
	require.ErrorContains(t, err, "delete it to get new keys")
	require.NoError(t, os.Remove(path))
	require.NoError(t, start(t, local.Config{Dir: dir}).Stop(t.Context()))
}

func TestNoDirectory(t *testing.T) {
	t.Parallel()
	_, err := local.Start(t.Context(), local.Config{})
	require.ErrorIs(t, err, postgres.ErrDir)
}

func TestCancelledStartIsTakenUpAgain(t *testing.T) {
	t.Parallel()
	dir := stateDir(t)
	ctx, cancel := context.WithCancel(t.Context())
	_, err := local.Start(ctx, local.Config{Dir: dir, Progress: func(step string) {
		if strings.HasPrefix(step, "Applying migration") && strings.HasSuffix(step, "_packs") {
			cancel()
		}
	}})
	require.ErrorIs(t, err, context.Canceled)
	s := start(t, local.Config{Dir: dir})
	ours, err := migrate.Load(supabase.Files)
	require.NoError(t, err)
	require.Equal(t, len(ours), query[int](t, s, "select count(*)::int from supabase_migrations.schema_migrations"))
}
