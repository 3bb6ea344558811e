package storage_test

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/supabase/local/storage"
)

func TestStartSweepsWhatACrashLeft(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.put("docs/keep", "hello")
	w.put("docs/lose", "hello")
	kept := w.files()
	require.Len(t, kept, 2)
	// A crash before the row was written, one between row and old version, one in the middle of receiving.
	for _, orphan := range []string{
		filepath.Join("objects", "00", "00ff."+uuid.NewString()),
		kept[0] + "x",
		filepath.Join("tmp", "upload-123"),
	} {
		require.NoError(t, os.WriteFile(filepath.Join(w.dir, orphan), []byte("x"), 0o600))
	}
	// And one between the row's deletion and the file's.
	_, err := w.db.Exec(t.Context(), `set storage.allow_delete_query = 'true'; delete from storage.objects where name = 'lose'`)
	require.NoError(t, err)
	require.Len(t, w.files(), 5)
	url := w.serve(w.start())
	require.Len(t, w.files(), 1)
	require.Equal(t, "hello", w.doAt(url, w.service, http.MethodGet, "/object/docs/keep", nil).body)
}

func TestSweepTakesNothingAwayWhenRowsAreHiddenFromIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.put("docs/keep", "hello")
	cfg, err := pgxpool.ParseConfig(w.pool.Config().ConnString())
	require.NoError(t, err)
	cfg.ConnConfig.RuntimeParams["role"] = "authenticated" // sees no rows, by policy
	blind, err := pgxpool.NewWithConfig(t.Context(), cfg)
	require.NoError(t, err)
	t.Cleanup(blind.Close)
	server := storage.New(storage.Config{Pool: blind, Keys: w.keys, Dir: w.dir})
	require.ErrorContains(t, server.Start(t.Context()), "row-level security")
	require.Len(t, w.files(), 1)
}

func TestStart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	require.Error(t, storage.New(storage.Config{}).Start(t.Context()))
	server := storage.New(storage.Config{Pool: w.pool, Keys: w.keys, Dir: w.dir})
	url := w.serve(server)
	require.Equal(t, http.StatusServiceUnavailable, w.doAt(url, w.service, http.MethodGet, "/bucket", nil).status)
	require.NoError(t, server.Start(t.Context()))
	require.Equal(t, http.StatusOK, w.doAt(url, w.service, http.MethodGet, "/bucket", nil).status)
	require.Error(t, server.Start(t.Context()), "a second sweep would take away what is being uploaded")
	require.JSONEq(t, `{"healthy":true}`, w.doAt(url, w.nobody, http.MethodGet, "/health", nil).body)
	require.Equal(t, http.StatusOK, w.doAt(url, w.nobody, http.MethodGet, "/status", nil).status)
}

func TestRowWithoutBytes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, err := w.db.Exec(t.Context(), `insert into storage.objects (bucket_id, name, version) values ('public', 'a', '../../etc/passwd'), ('public', 'b', null)`)
	require.NoError(t, err)
	for _, name := range []string{"a", "b"} {
		a := w.get(w.nobody, "/object/public/public/"+name)
		require.Equal(t, problem{"404", "Not found", "NoSuchKey", "The resource was not found"}, a.problem(t))
		require.Equal(t, http.StatusOK, w.do(w.service, http.MethodDelete, "/object/public/"+name, nil).status)
	}
}

// commitTrigger makes COMMIT of an upload do something.
func commitTrigger(t *testing.T, w *world, body string) {
	t.Helper()
	_, err := w.db.Exec(t.Context(), `create function public.at_commit() returns trigger language plpgsql security definer as $$ begin `+body+` end $$;
		create constraint trigger at_commit after insert on storage.objects deferrable initially deferred
		for each row execute function public.at_commit()`)
	require.NoError(t, err)
}

func TestRefusedCommitLeavesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	commitTrigger(t, w, `raise exception 'no';`)
	a := w.upload(w.alice, "docs/"+aliceID+"/a.txt", "hello")
	require.Equal(t, http.StatusInternalServerError, a.status)
	require.Equal(t, problem{"500", "InternalError", "InternalError", "Internal server error"}, a.problem(t), "the cause is not the caller's to know")
	w.nothingStored()
}

// When nobody can tell whether COMMIT happened, the bytes stay: the next start knows.
func TestLostCommitKeepsTheBytesUntilTheNextStart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	commitTrigger(t, w, `perform pg_terminate_backend(pg_backend_pid()); return null;`)
	a := w.upload(w.alice, "docs/"+aliceID+"/a.txt", "hello")
	require.Equal(t, http.StatusServiceUnavailable, a.status, "to try again is what one should do")
	require.Zero(t, w.rows())
	require.Len(t, w.files(), 1)
	w.start()
	w.nothingStored()
}

func TestDatabaseThatIsGone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.pool.Close()
	for _, path := range []string{"/health", "/bucket"} {
		a := w.get(w.service, path)
		require.Equal(t, http.StatusInternalServerError, a.status, path)
		require.Equal(t, "InternalError", a.problem(t).Code)
	}
	require.Equal(t, http.StatusOK, w.get(w.nobody, "/status").status, "the process is there")
}
