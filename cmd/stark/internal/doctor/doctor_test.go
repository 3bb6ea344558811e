package doctor

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/backend/wire"
	"github.com/stark-o/stark/tests/fixture"
	"github.com/stark-o/stark/tests/testdb"
)

func TestMain(m *testing.M) { os.Exit(testdb.Main(m)) }

// TestTroubleshootingIsTrue: the page has a row for each problem, in the words of doctor, and none for others.
func TestTroubleshootingIsTrue(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../../../docs/troubleshooting.md")
	require.NoError(t, err)
	rows := regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\| (.*) \\| (.*) \\|$").FindAllStringSubmatch(string(page), -1)
	var want, got []string
	for _, p := range Problems() {
		want = append(want, fmt.Sprintf("| `%s` | %s | %s |", p.ID, p.Says, p.Mend))
	}
	for _, row := range rows {
		got = append(got, row[0])
	}
	require.Equal(t, want, got)
}

func TestEveryProblemSaysHowToMendIt(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, p := range Problems() {
		require.False(t, seen[p.ID], p.ID)
		seen[p.ID] = true
		require.NotEmpty(t, p.Says, p.ID)
		require.NotEmpty(t, p.Mend, p.ID)
		require.Contains(t, []Status{Warn, Fail, Skip}, p.Status, p.ID)
		require.NotContains(t, p.Says+p.Mend, "|", p.ID)
	}
}

type login struct {
	user wire.User
	err  error
}

func (l login) Whoami(context.Context) (wire.User, error) { return l.user, l.err }

// healthy is a target with nothing wrong, on servers of its own.
func healthy(t *testing.T) Target {
	t.Helper()
	return Target{
		Server: answering(t, map[string]string{"/health": `{"success":true,"data":{"status":"ok","version":"1.2.3"}}`, "/ready": `{"success":true}`}), Version: "1.2.3",
		Login:       login{user: wire.User{Email: "ada@example.com", Role: "developer"}},
		SupabaseURL: answering(t, map[string]string{"/auth/v1/health": `{}`, "/auth/v1/.well-known/jwks.json": `{"keys":[{}]}`}), Key: "sb_publishable_x",
		DatabaseURL: testdb.New(t).URL, StateDir: t.TempDir(), ConfigPath: filepath.Join(t.TempDir(), "config.json"), Now: time.Now,
	}
}

// answering is a server with these bodies by path; a body that is a number is a bare status.
func answering(t *testing.T, bodies map[string]string) string {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, found := bodies[r.URL.Path]
		status := http.StatusNotFound
		if _, err := fmt.Sscan(body, &status); !found || err == nil {
			w.WriteHeader(status)
			return
		}
		fmt.Fprint(w, body)
	}))
	t.Cleanup(srv.Close)
	return srv.URL
}

func problems(findings []Finding) []string {
	var ids []string
	for _, f := range findings {
		if f.Status != OK {
			ids = append(ids, f.Problem)
		}
	}
	return ids
}

func TestNothingWrong(t *testing.T) {
	t.Parallel()
	findings := Examine(t.Context(), healthy(t))
	require.Empty(t, problems(findings))
	require.False(t, Failed(findings))
	require.Greater(t, len(findings), 12)
}

func TestNothingKnown(t *testing.T) {
	t.Parallel()
	findings := Examine(t.Context(), Target{StateDir: t.TempDir(), Now: time.Now})
	require.Equal(t, []string{"server_unknown", "login_missing", "project_unknown", "database_unknown"}, problems(findings))
	require.False(t, Failed(findings), "what is not known is not wrong")
}

func jwt(claims string) string {
	return "e30." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".c2ln"
}

func TestWhatIsWrongIsFound(t *testing.T) {
	t.Parallel()
	gone := httptest.NewServer(nil)
	gone.Close()
	health := `{"success":true,"data":{"version":"1.2.3"}}`
	for want, breakIt := range map[string]func(t *testing.T, e *Target){
		"server_unreachable": func(_ *testing.T, e *Target) { e.Server = gone.URL },
		"server_foreign":     func(t *testing.T, e *Target) { e.Server = answering(t, map[string]string{"/health": "<html>"}) },
		"server_not_ready": func(t *testing.T, e *Target) {
			e.Server = answering(t, map[string]string{"/health": health, "/ready": "503"})
		},
		"server_version": func(_ *testing.T, e *Target) { e.Version = "1.3.0" },
		"server_clock": func(_ *testing.T, e *Target) {
			e.DatabaseURL, e.Now = "", func() time.Time { return time.Now().Add(time.Hour) }
		},
		"login_refused":       func(_ *testing.T, e *Target) { e.Login = login{err: errors.New("the token has expired")} },
		"login_viewer":        func(_ *testing.T, e *Target) { e.Login = login{user: wire.User{Role: "viewer"}} },
		"project_unreachable": func(_ *testing.T, e *Target) { e.SupabaseURL = gone.URL },
		"project_key": func(t *testing.T, e *Target) {
			e.SupabaseURL = answering(t, map[string]string{"/auth/v1/health": "401"})
		},
		"project_secret_key": func(_ *testing.T, e *Target) { e.Key = jwt(`{"role":"service_role"}`) },
		"project_signing_keys": func(t *testing.T, e *Target) {
			e.SupabaseURL = answering(t, map[string]string{"/auth/v1/health": "{}", "/auth/v1/.well-known/jwks.json": `{"keys":[]}`})
		},
		"database_url": func(_ *testing.T, e *Target) { e.DatabaseURL = "postgresql://postgres:hunter2@host:port/postgres" },
		"database_pooler": func(_ *testing.T, e *Target) {
			e.DatabaseURL = "postgresql://postgres.ref:hunter2@aws-0.pooler.supabase.com:5432/postgres"
		},
		"database_unreachable": func(_ *testing.T, e *Target) { e.DatabaseURL = "postgresql://postgres:hunter2@127.0.0.1:1/postgres" },
		"node_missing":         func(_ *testing.T, e *Target) { e.NodePath = "/nowhere/node" },
		"state_not_writable":   func(_ *testing.T, e *Target) { e.StateDir = "/proc/stark" },
		"config_readable":      func(t *testing.T, e *Target) { require.NoError(t, os.WriteFile(e.ConfigPath, []byte("{}"), 0o644)) },
		"config_broken":        func(t *testing.T, e *Target) { require.NoError(t, os.WriteFile(e.ConfigPath, []byte("{"), 0o600)) },
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			target := healthy(t)
			breakIt(t, &target)
			findings := Examine(t.Context(), target)
			require.Contains(t, problems(findings), want)
			for _, f := range findings {
				require.NotContains(t, f.Message+f.Mend, "hunter2", "a password is not for showing")
			}
		})
	}
}

func TestWhatIsWrongWithTheDatabaseIsFound(t *testing.T) {
	t.Parallel()
	run := func(sql string) func(*testing.T, testdb.DB) string {
		return func(t *testing.T, db testdb.DB) string {
			fixture.Exec(t, db.Pool(t), sql)
			return db.URL
		}
	}
	for want, breakIt := range map[string]func(*testing.T, testdb.DB) string{
		"migrations_missing": func(t *testing.T, _ testdb.DB) string { return testdb.Bare(t).URL },
		"migrations_unknown": run("insert into supabase_migrations.schema_migrations (version) values ('99990101000000')"),
		"publication":        run("drop publication stark_appended"),
		"database_role":      func(_ *testing.T, db testdb.DB) string { return db.URLFor("supabase_auth_admin") },
		"database_owner":     func(_ *testing.T, db testdb.DB) string { return db.URLFor("authenticator") },
		"database_password":  func(_ *testing.T, db testdb.DB) string { return db.URLFor("nobody_at_all") },
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			found := problems(Examine(t.Context(), Target{DatabaseURL: breakIt(t, testdb.New(t)), StateDir: t.TempDir(), Now: time.Now}))
			require.Contains(t, found, want)
		})
	}
}

func TestPoolersAreKnown(t *testing.T) {
	t.Parallel()
	require.True(t, pooler("db.ref.supabase.co", 6543))
	require.True(t, pooler("aws-0-eu-west-1.pooler.supabase.com", 5432))
	require.False(t, pooler("db.ref.supabase.co", 5432))
	for _, err := range []error{
		&pgconn.PgError{Code: "08P01", Message: "unsupported startup parameter: replication"},
		&pgconn.PgError{Code: "42601", Message: `syntax error at or near "IDENTIFY_SYSTEM"`},
		fmt.Errorf("connect: %w", &pgconn.PgError{Message: "unsupported startup parameter in options: replication"}),
	} {
		require.Equal(t, databasePooler, replicationProblem(err))
	}
	require.Equal(t, databaseRole, replicationProblem(&pgconn.PgError{Code: "42501"}))
	require.Equal(t, databaseAway, replicationProblem(errors.New("reset")))
}

func TestSkew(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	for then, want := range map[time.Duration]time.Duration{0: 0, time.Second: 0, 10 * time.Second: 8 * time.Second, -10 * time.Second: -9 * time.Second} {
		off, bad := skewed(at.Add(then), at, at.Add(2*time.Second), time.Second)
		require.Equal(t, want, off, then)
		require.Equal(t, want != 0, bad, then)
	}
}

func TestSecretKeys(t *testing.T) {
	t.Parallel()
	for key, want := range map[string]bool{
		"sb_secret_x": true, jwt(`{"role":"service_role"}`): true, "sb_publishable_x": false, jwt(`{"role":"anon"}`): false, strings.Repeat("x", 40): false, "a.%.c": false,
	} {
		require.Equal(t, want, secret(key), key)
	}
}
