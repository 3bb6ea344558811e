package integration

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
	"github.com/supabase-community/gotrue-go/types"
	storage_go "github.com/supabase-community/storage-go"
	"github.com/supabase-community/supabase-go"

	"github.com/stark-o/stark/supabase/local/gateway"
	"github.com/stark-o/stark/supabase/local/keys"
	"github.com/stark-o/stark/supabase/local/storage"
	"github.com/stark-o/stark/tests/testdb"
)

const (
	storageAlice = "a11ce000-0000-4000-8000-000000000001"
	storageBob   = "b0b00000-0000-4000-8000-000000000002"
)

const storagePolicies = `
insert into storage.buckets (id, name, public, file_size_limit, allowed_mime_types) values
  ('docs', 'docs', false, null, null), ('pictures', 'pictures', true, 1000, array['image/*']);
create policy own_insert on storage.objects for insert to authenticated
  with check (bucket_id = 'docs' and (storage.foldername(name))[1] = (select auth.uid())::text);
create policy own_select on storage.objects for select to authenticated
  using (bucket_id = 'docs' and (storage.foldername(name))[1] = (select auth.uid())::text);
create policy own_update on storage.objects for update to authenticated
  using (bucket_id = 'docs' and (storage.foldername(name))[1] = (select auth.uid())::text)
  with check (bucket_id = 'docs' and (storage.foldername(name))[1] = (select auth.uid())::text);
create policy own_delete on storage.objects for delete to authenticated
  using (bucket_id = 'docs' and (storage.foldername(name))[1] = (select auth.uid())::text);
`

// storageStack is Storage behind the gateway, over a database of its own.
type storageStack struct {
	url  string
	keys *keys.Keyring
}

func startStorage(t *testing.T) storageStack {
	t.Helper()
	db := testdb.Bare(t)
	developer := connectPool(t, db.URL)
	_, err := developer.Exec(t.Context(), storagePolicies)
	require.NoError(t, err)
	material, err := keys.Generate()
	require.NoError(t, err)
	ring, err := keys.New(material, keys.Config{Issuer: "http://127.0.0.1/auth/v1"})
	require.NoError(t, err)
	log := slog.New(slog.DiscardHandler)
	server := storage.New(storage.Config{Pool: connectPool(t, db.URLFor("supabase_storage_admin")), Keys: ring, Dir: t.TempDir(), Log: log})
	require.NoError(t, server.Start(t.Context()))
	front := httptest.NewServer(gateway.New(gateway.Config{Keys: ring, Storage: server, Log: log}))
	t.Cleanup(front.Close)
	return storageStack{front.URL, ring}
}

func connectPool(t *testing.T, url string) *pgxpool.Pool {
	t.Helper()
	pool, err := pgxpool.New(t.Context(), url)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	return pool
}

// login is the access token of a user.
func (s storageStack) login(t *testing.T, sub string) string {
	t.Helper()
	token, err := s.keys.Sign(jwt.MapClaims{"sub": sub, "role": "authenticated", "aud": "authenticated", "exp": time.Now().Add(time.Hour).Unix()})
	require.NoError(t, err)
	return token
}

func TestStorageWithSupabaseJS(t *testing.T) {
	t.Parallel()
	s := startStorage(t)
	runNode(t, "storage-compat.mjs",
		"SUPABASE_URL="+s.url, "ANON_KEY="+s.keys.AnonKey(), "SERVICE_ROLE_KEY="+s.keys.ServiceRoleKey(),
		"PUBLISHABLE_KEY="+s.keys.PublishableKey(), "SECRET_KEY="+s.keys.SecretKey(),
		"ALICE_ID="+storageAlice, "ALICE_TOKEN="+s.login(t, storageAlice), "BOB_TOKEN="+s.login(t, storageBob))
}

// runNode runs a script of tests/js, whose packages `sh tests/setup.sh --tests` installs.
func runNode(t *testing.T, script string, env ...string) {
	t.Helper()
	dir := filepath.Join("..", "js")
	_, err := os.Stat(filepath.Join(dir, "node_modules", "@supabase", "supabase-js"))
	require.NoError(t, err, "install it: sh tests/setup.sh --tests")
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "node", script)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s:\n%s", script, out)
}

func TestStorageWithSupabaseGo(t *testing.T) {
	t.Parallel()
	s := startStorage(t)
	for name, key := range map[string]string{"the anon key": s.keys.AnonKey(), "the publishable key": s.keys.PublishableKey()} {
		client, err := supabase.NewClient(s.url, key, nil)
		require.NoError(t, err)
		path := storageAlice + "/" + strings.ReplaceAll(name, " ", "-") + ".txt"
		_, err = client.Storage.UploadFile("docs", path, strings.NewReader("no"))
		require.ErrorContains(t, err, "new row violates row-level security policy", name)

		client.UpdateAuthSession(types.Session{AccessToken: s.login(t, storageAlice)})
		made, err := client.Storage.UploadFile("docs", path, strings.NewReader("hello"))
		require.NoError(t, err, name)
		require.Equal(t, "docs/"+path, made.Key)
		_, err = client.Storage.UploadFile("docs", path, strings.NewReader("again"))
		require.ErrorContains(t, err, "The resource already exists")
		got, err := client.Storage.DownloadFile("docs", path)
		require.NoError(t, err)
		require.Equal(t, "hello", string(got))

		client.UpdateAuthSession(types.Session{AccessToken: s.login(t, storageBob)})
		_, err = client.Storage.DownloadFile("docs", path)
		require.ErrorContains(t, err, "Object not found")
	}
}

func TestStorageWithStorageGo(t *testing.T) {
	t.Parallel()
	s := startStorage(t)
	contentType, cacheControl, upsert := "image/png", "max-age=60", true
	for name, key := range map[string]string{"service role": s.keys.ServiceRoleKey(), "secret": s.keys.SecretKey()} {
		client := func() *storage_go.Client { return storage_go.NewClient(s.url+"/storage/v1", key, nil) } // it carries headers over from call to call
		_, err := client().CreateBucket("made", storage_go.BucketOptions{Public: true, FileSizeLimit: "1MB", AllowedMimeTypes: []string{"image/png"}})
		require.NoError(t, err, name)
		_, err = client().CreateBucket("made", storage_go.BucketOptions{})
		require.ErrorContains(t, err, "The resource already exists")
		bucket, err := client().GetBucket("made")
		require.NoError(t, err)
		require.EqualValues(t, 1_000_000, *bucket.FileSizeLimit)
		_, err = client().UpdateBucket("made", storage_go.BucketOptions{Public: true})
		require.NoError(t, err)
		buckets, err := client().ListBuckets()
		require.NoError(t, err)
		require.Len(t, buckets, 3)

		_, err = client().UploadFile("made", "a.txt", strings.NewReader("x"))
		require.ErrorContains(t, err, "mime type application/json is not supported") // what storage-go says about a file without a type
		options := storage_go.FileOptions{ContentType: &contentType, CacheControl: &cacheControl}
		_, err = client().UploadFile("made", "dir/a.png", strings.NewReader("first"), options)
		require.NoError(t, err)
		options.Upsert = &upsert
		_, err = client().UploadFile("made", "dir/a.png", strings.NewReader("second"), options)
		require.NoError(t, err)
		_, err = client().UpdateFile("made", "dir/a.png", strings.NewReader("third"), options)
		require.NoError(t, err)
		got, err := client().DownloadFile("made", "dir/a.png")
		require.NoError(t, err)
		require.Equal(t, "third", string(got))

		files, err := client().ListFiles("made", "dir", storage_go.FileSearchOptions{})
		require.NoError(t, err)
		require.Len(t, files, 1)
		require.Equal(t, "a.png", files[0].Name)
		signed, err := client().CreateSignedUrl("made", "dir/a.png", 60)
		require.NoError(t, err)
		require.Equal(t, "third", fetch(t, signed.SignedURL))
		require.Equal(t, "third", fetch(t, client().GetPublicUrl("made", "dir/a.png").SignedURL))
		many, err := client().ListFiles("made", "none", storage_go.FileSearchOptions{})
		require.NoError(t, err)
		require.Empty(t, many)
		moved, err := client().MoveFile("made", "dir/a.png", "b.png")
		require.NoError(t, err)
		require.Equal(t, "Successfully moved", moved.Message)
		_, err = client().MoveFile("made", "dir/a.png", "c.png")
		require.ErrorContains(t, err, "Object not found")
		later, err := client().CreateSignedUploadUrl("made", "dir/a.png")
		require.NoError(t, err)
		_, err = client().UploadToSignedUrl(later.Url, strings.NewReader("fourth"))
		require.ErrorContains(t, err, "is not supported") // it sends no type of its own

		_, err = client().DeleteBucket("made")
		require.ErrorContains(t, err, "not empty")
		gone, err := client().RemoveFile("made", []string{"b.png"})
		require.NoError(t, err)
		require.Len(t, gone, 1)
		_, err = client().EmptyBucket("made")
		require.NoError(t, err)
		_, err = client().DeleteBucket("made")
		require.NoError(t, err)
		_, err = client().GetBucket("made")
		require.ErrorContains(t, err, "Bucket not found")
	}
	_, err := storage_go.NewClient(s.url+"/storage/v1", "sb_secret_wrong", nil).GetBucket("docs")
	require.ErrorContains(t, err, "Invalid API key")
}

// fetch gets a URL without any key.
func fetch(t *testing.T, url string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	res, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer func() { require.NoError(t, res.Body.Close()) }()
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, res.StatusCode, string(body))
	require.False(t, json.Valid(body), "an error: %s", body)
	return string(body)
}
