package integration

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/supabase"
	"github.com/stark-o/stark/supabase/migrate"
	"github.com/stark-o/stark/tests/testdb"
)

// supabaseCLI is the real Supabase CLI on a copy of the project, with a home of its own and no network to need.
type supabaseCLI struct {
	t       *testing.T
	program string
	home    string
	dir     string // holds supabase/
}

func newSupabaseCLI(t *testing.T) supabaseCLI {
	t.Helper()
	program, err := filepath.Abs(filepath.Join("..", "js", "node_modules", ".bin", "supabase"))
	require.NoError(t, err)
	require.FileExists(t, program, "install it: sh tests/setup.sh --tests")
	c := supabaseCLI{t: t, program: program, home: t.TempDir(), dir: t.TempDir()}
	require.NoError(t, os.CopyFS(filepath.Join(c.dir, "supabase"), supabase.Files))
	config, err := os.ReadFile(filepath.Join("..", "..", "supabase", "config.toml"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(c.dir, "supabase", "config.toml"), config, 0o600))
	return c
}

// run returns what the CLI writes to standard output. Its environment is empty but for what it needs: a token or a project of the person who
// runs the test is none of its business.
func (c supabaseCLI) run(args ...string) string {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, c.program, append(args, "--workdir", c.dir)...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + c.home, "SUPABASE_TELEMETRY_DISABLED=1", "DO_NOT_TRACK=1"}
	var out, problems bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &problems
	require.NoError(c.t, cmd.Run(), "supabase %v:\n%s%s", args, &out, &problems)
	return out.String()
}

// pushed is what `supabase db push` did.
type pushed struct {
	UpToDate   bool     `json:"upToDate"`
	Migrations []string `json:"migrations"` // file names
	Seeds      []string `json:"seeds"`
}

func (c supabaseCLI) push(url string, flags ...string) (did pushed) {
	c.t.Helper()
	out := c.run(append([]string{"db", "push", "--yes", "--output-format", "json", "--remote=" + url}, flags...)...)
	require.NoError(c.t, json.Unmarshal([]byte(out), &did), "%s", out)
	return did
}

// requireAgreement has the CLI list all versions, and requires each to be here and there.
func (c supabaseCLI) requireAgreement(url string) {
	c.t.Helper()
	var said struct {
		Migrations []struct{ Local, Remote string } `json:"migrations"`
	}
	out := c.run("migration", "list", "--output-format", "json", "--remote="+url)
	require.NoError(c.t, json.Unmarshal([]byte(out), &said), "%s", out)
	ours, err := migrate.Load(supabase.Files)
	require.NoError(c.t, err)
	require.Len(c.t, said.Migrations, len(ours))
	for i, m := range said.Migrations {
		require.Equal(c.t, []string{ours[i].Version, ours[i].Version}, []string{m.Local, m.Remote})
	}
}

func connectTo(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, conn.Close(context.Background())) })
	return conn
}

// shape is everything in the schemas that the migrations write to which one runner could make other than the other: owners, rights,
// policies, function bodies, and what the seed wrote.
const shape = `
select 'relation ' || c.oid::regclass || ' ' || c.relkind::text || ' ' || pg_get_userbyid(c.relowner) || ' ' || c.relrowsecurity::text || ' '
	|| coalesce((select string_agg(a::text, ',' order by a::text) from unnest(c.relacl) a), '-') as line
from pg_class c where c.relnamespace in ('public'::regnamespace, 'stark'::regnamespace, 'storage'::regnamespace)
union all
select 'function ' || p.oid::regprocedure || ' ' || pg_get_userbyid(p.proowner) || ' ' || md5(pg_get_functiondef(p.oid)) || ' '
	|| coalesce((select string_agg(a::text, ',' order by a::text) from unnest(p.proacl) a), '-')
from pg_proc p where p.pronamespace = 'stark'::regnamespace
union all
select 'policy ' || tablename || ' ' || policyname || ' ' || cmd || ' ' || roles::text || ' ' || coalesce(qual, '-') || ' ' || coalesce(with_check, '-')
from pg_policies
union all
select 'constraint ' || conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid)
from pg_constraint where connamespace = 'public'::regnamespace
union all
select 'trigger ' || tgrelid::regclass || ' ' || pg_get_triggerdef(oid) from pg_trigger where not tgisinternal
union all
select 'published ' || schemaname || '.' || tablename || ' ' || attnames::text from pg_publication_tables
union all
select 'seeded ' || (select string_agg(name, ',' order by name) from public.priority_classes) || (select count(*) from public.cluster_config)
order by 1`

func shapeOf(t *testing.T, url string) []string {
	t.Helper()
	rows, err := connectTo(t, url).Query(t.Context(), shape)
	require.NoError(t, err)
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	require.NotEmpty(t, lines)
	return lines
}

func TestCLIFirstThenOurs(t *testing.T) {
	t.Parallel()
	db, cli := testdb.Bare(t), newSupabaseCLI(t)
	did := cli.push(db.URL, "--include-seed")
	ours, err := migrate.Load(supabase.Files)
	require.NoError(t, err)
	require.Len(t, did.Migrations, len(ours))
	require.Equal(t, []string{"supabase/seed.sql"}, did.Seeds)

	conn := connectTo(t, db.URL)
	applied, err := migrate.Up(t.Context(), conn, supabase.Files, nil)
	require.NoError(t, err)
	require.Empty(t, applied, "nothing to do")
	seeded, err := migrate.Seed(t.Context(), conn, supabase.Files)
	require.NoError(t, err)
	require.False(t, seeded, "the CLI's record of the seed is ours")
	require.Equal(t, shapeOf(t, testdb.New(t).URL), shapeOf(t, db.URL), "both runners make the same database")
}

func TestOursFirstThenCLI(t *testing.T) {
	t.Parallel()
	db, cli := testdb.Bare(t), newSupabaseCLI(t)
	conn := connectTo(t, db.URL)
	_, err := migrate.Up(t.Context(), conn, supabase.Files, nil)
	require.NoError(t, err)
	require.Equal(t, pushed{UpToDate: true, Migrations: []string{}, Seeds: []string{}}, cli.push(db.URL))
	_, err = migrate.Seed(t.Context(), conn, supabase.Files)
	require.NoError(t, err)
	require.True(t, cli.push(db.URL, "--include-seed").UpToDate, "our record of the seed is the CLI's")
	cli.requireAgreement(db.URL)
}

func TestCLIAndOursTakeTurns(t *testing.T) {
	t.Parallel()
	db, cli := testdb.Bare(t), newSupabaseCLI(t)
	ours, err := migrate.Load(supabase.Files)
	require.NoError(t, err)
	file := func(m migrate.Migration) string {
		return filepath.Join(cli.dir, "supabase", "migrations", m.Version+"_"+m.Name+".sql")
	}
	half := len(ours) / 2
	for _, m := range ours[half:] {
		require.NoError(t, os.Remove(file(m)))
	}
	require.Len(t, cli.push(db.URL).Migrations, half)
	applied, err := migrate.Up(t.Context(), connectTo(t, db.URL), supabase.Files, nil)
	require.NoError(t, err)
	require.Len(t, applied, len(ours)-half)
	for _, m := range ours[half:] {
		require.NoError(t, os.WriteFile(file(m), []byte(m.SQL), 0o600))
	}
	require.True(t, cli.push(db.URL).UpToDate)
	cli.requireAgreement(db.URL)

	// A migration of a later version, which only the CLI's checkout has.
	later := migrate.Migration{Version: "20991231000000", Name: "later", SQL: "create table public.later (v int)"}
	require.NoError(t, os.WriteFile(file(later), []byte(later.SQL), 0o600))
	require.Equal(t, []string{"20991231000000_later.sql"}, cli.push(db.URL).Migrations)
	_, err = migrate.Up(t.Context(), connectTo(t, db.URL), supabase.Files, nil)
	require.ErrorIs(t, err, migrate.ErrUnknown)
	require.ErrorContains(t, err, later.Version)
}
