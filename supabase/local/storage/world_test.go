package storage_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/supabase/local/keys"
	"github.com/stark-o/stark/supabase/local/storage"
	"github.com/stark-o/stark/tests/testdb"
)

func TestMain(m *testing.M) { os.Exit(testdb.Main(m)) }

const (
	aliceID = "a11ce000-0000-4000-8000-000000000001"
	bobID   = "b0b00000-0000-4000-8000-000000000002"
)

// policies are those of Supabase's documentation: everyone in a folder of their own. Bucket "frozen" has no policy to update or delete.
const policies = `
insert into storage.buckets (id, name, public, file_size_limit, allowed_mime_types) values
  ('docs', 'docs', false, null, null),
  ('frozen', 'frozen', false, null, null),
  ('public', 'public', true, null, null),
  ('small', 'small', false, 1000, array['image/*', 'text/plain']);
create policy own_insert on storage.objects for insert to authenticated
  with check ((storage.foldername(name))[1] = (select auth.uid())::text);
create policy own_select on storage.objects for select to authenticated
  using ((storage.foldername(name))[1] = (select auth.uid())::text);
create policy own_update on storage.objects for update to authenticated
  using (bucket_id <> 'frozen' and (storage.foldername(name))[1] = (select auth.uid())::text)
  with check (bucket_id <> 'frozen' and (storage.foldername(name))[1] = (select auth.uid())::text);
create policy own_delete on storage.objects for delete to authenticated
  using (bucket_id <> 'frozen' and (storage.foldername(name))[1] = (select auth.uid())::text);
`

// world is a Storage server over a database of its own.
type world struct {
	t      *testing.T
	db     *pgxpool.Pool // as postgres, the developer
	pool   *pgxpool.Pool // as the server
	keys   *keys.Keyring
	dir    string
	url    string
	client *http.Client
	served chan struct{} // one for every request that was answered or given up; nobody has to listen

	nobody, anon, alice, bob, service actor
}

type actor struct{ name, token string }

// option changes the server's configuration.
type option func(*storage.Config)

func newWorld(t *testing.T, options ...option) *world {
	t.Helper()
	db := testdb.Bare(t)
	w := &world{t: t, db: openPool(t, db.URL), pool: openPool(t, db.URLFor("supabase_storage_admin")), dir: t.TempDir(), served: make(chan struct{}, 1024)}
	// With "Expect: 100-continue" the body is not touched before the server asks for it, however slow the machine is.
	transport := &http.Transport{ExpectContinueTimeout: time.Minute}
	w.client = &http.Client{Transport: transport}
	t.Cleanup(transport.CloseIdleConnections)
	_, err := w.db.Exec(t.Context(), policies)
	require.NoError(t, err)
	material, err := keys.Generate()
	require.NoError(t, err)
	w.keys, err = keys.New(material, keys.Config{Issuer: "http://127.0.0.1/auth/v1"})
	require.NoError(t, err)
	w.nobody = actor{name: "nobody"}
	w.anon = actor{"anon", w.keys.AnonKey()}
	w.service = actor{"service_role", w.keys.ServiceRoleKey()}
	w.alice = actor{"alice", w.sign(jwt.MapClaims{"sub": aliceID, "role": "authenticated", "exp": time.Now().Add(time.Hour).Unix()})}
	w.bob = actor{"bob", w.sign(jwt.MapClaims{"sub": bobID, "role": "authenticated", "exp": time.Now().Add(time.Hour).Unix()})}
	w.url = w.serve(w.start(options...))
	return w
}

func openPool(t *testing.T, url string) *pgxpool.Pool {
	t.Helper()
	pool, err := pgxpool.New(t.Context(), url)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	return pool
}

// start makes another server over the same database and folder.
func (w *world) start(options ...option) *storage.Server {
	w.t.Helper()
	cfg := storage.Config{Pool: w.pool, Keys: w.keys, Dir: w.dir, Log: slog.New(slog.DiscardHandler)}
	for _, change := range options {
		change(&cfg)
	}
	server := storage.New(cfg)
	require.NoError(w.t, server.Start(w.t.Context()))
	return server
}

func (w *world) serve(server *storage.Server) (url string) {
	h := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		server.ServeHTTP(rw, r)
		select {
		case w.served <- struct{}{}:
		default:
		}
	}))
	w.t.Cleanup(h.Close)
	return h.URL
}

func (w *world) sign(claims jwt.MapClaims) string {
	w.t.Helper()
	token, err := w.keys.Sign(claims)
	require.NoError(w.t, err)
	return token
}

// answer is a response that was read to its end.
type answer struct {
	status int
	header http.Header
	body   string
}

// problem is Storage's error body.
type problem struct {
	StatusCode string `json:"statusCode"`
	Error      string `json:"error"`
	Code       string `json:"code"`
	Message    string `json:"message"`
}

func (a answer) problem(t *testing.T) problem {
	t.Helper()
	var p problem
	require.NoError(t, json.Unmarshal([]byte(a.body), &p), "body: %s", a.body)
	return p
}

func decode[T any](t *testing.T, a answer) T {
	t.Helper()
	require.Equal(t, http.StatusOK, a.status, "body: %s", a.body)
	var v T
	require.NoError(t, json.Unmarshal([]byte(a.body), &v), "body: %s", a.body)
	return v
}

// do sends a request as somebody. path is as it goes over the wire; header is pairs of name and value.
func (w *world) do(who actor, method, path string, body io.Reader, header ...string) answer {
	w.t.Helper()
	return w.doAt(w.url, who, method, path, body, header...)
}

func (w *world) doAt(url string, who actor, method, path string, body io.Reader, header ...string) answer {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, url+path, body)
	require.NoError(w.t, err)
	if who.token != "" {
		req.Header.Set("Authorization", "Bearer "+who.token)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := w.client.Do(req)
	require.NoError(w.t, err)
	defer func() { require.NoError(w.t, res.Body.Close()) }()
	text, err := io.ReadAll(res.Body)
	require.NoError(w.t, err)
	return answer{res.StatusCode, res.Header, string(text)}
}

func (w *world) get(who actor, path string, header ...string) answer {
	w.t.Helper()
	return w.do(who, http.MethodGet, path, nil, header...)
}

// upload sends text as a file.
func (w *world) upload(who actor, path, text string, header ...string) answer {
	w.t.Helper()
	return w.do(who, http.MethodPost, "/object/"+path, strings.NewReader(text), append([]string{"Content-Type", "text/plain"}, header...)...)
}

// put uploads as the service role and insists on it.
func (w *world) put(path, text string, header ...string) {
	w.t.Helper()
	a := w.upload(w.service, path, text, header...)
	require.Equal(w.t, http.StatusOK, a.status, "upload %s: %s", path, a.body)
}

func (w *world) json(who actor, method, path string, body any) answer {
	w.t.Helper()
	text, err := json.Marshal(body)
	require.NoError(w.t, err)
	return w.do(who, method, path, bytes.NewReader(text), "Content-Type", "application/json")
}

// files are the paths of all files in the server's folder, relative to it.
func (w *world) files() []string {
	w.t.Helper()
	found := []string{}
	require.NoError(w.t, filepath.WalkDir(w.dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		rel, err := filepath.Rel(w.dir, path)
		found = append(found, rel)
		return err
	}))
	return found
}

// rows is how many objects there are.
func (w *world) rows() (n int) {
	w.t.Helper()
	require.NoError(w.t, w.db.QueryRow(w.t.Context(), `select count(*) from storage.objects`).Scan(&n))
	return n
}

// nothingStored is what must hold after every refusal.
func (w *world) nothingStored() {
	w.t.Helper()
	require.Zero(w.t, w.rows(), "rows")
	require.Empty(w.t, w.files(), "files")
}
