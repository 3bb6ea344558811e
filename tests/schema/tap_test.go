package schema_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"
)

const tapDir = "../../supabase/tests"

var (
	include  = regexp.MustCompile(`(?m)^\\ir (\S+)$`)
	planLine = regexp.MustCompile(`^1\.\.(\d+)$`)
	testLine = regexp.MustCompile(`^(not )?ok (\d+)\b`)
)

// TestPgTAP runs every file of supabase/tests as `supabase test db` does: each in its own transaction, as `postgres`.
// Afterwards every PL/pgSQL function of ours must have run, since nothing else looks into their bodies.
func TestPgTAP(t *testing.T) {
	t.Parallel()
	db := withExtension(t, "pgtap", "postgresql-15-pgtap")
	_, err := connect(t, db.URLFor(superuser)).Exec(t.Context(), fmt.Sprintf("alter database %q set track_functions = 'all'", db.Name))
	require.NoError(t, err)
	files, err := filepath.Glob(tapDir + "/*.sql")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".sql"), func(t *testing.T) {
			script := load(t, file)
			conn := connect(t, db.URL)
			output, err := run(t.Context(), conn, script)
			_ = conn.Close(t.Context()) // what it has called is counted when it ends
			passed, problems := judge(output, err)
			for _, problem := range problems {
				t.Error(problem)
			}
			t.Logf("%d passed", passed)
		})
	}
	super := connect(t, db.URLFor(superuser))
	var unreached []string
	require.Eventually(t, func() bool { unreached = notReached(t, super); return len(unreached) == 0 }, 30*time.Second, 50*time.Millisecond,
		"no test of supabase/tests reaches these functions: %v", &unreached)
}

// notReached are functions that nobody has called, as far as that is counted yet.
func notReached(t *testing.T, super *pgx.Conn) []string {
	t.Helper()
	rows, err := super.Query(t.Context(), `
		select p.oid::regprocedure::text from pg_proc p join pg_language l on l.oid = p.prolang
		where p.pronamespace = 'stark'::regnamespace and l.lanname = 'plpgsql'
		  and not exists (select from pg_stat_user_functions s where s.funcid = p.oid and s.calls > 0)
		  -- A call is counted when it returns. These only ever raise; what they raise is asserted by name.
		  and p.proname not in ('refuse', 'refuse_rewrite', 'refuse_truncate')`)
	require.NoError(t, err)
	unreached, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	return unreached
}

// load reads a script and what it includes; \ir is psql's, so the server must not see it.
func load(t *testing.T, file string) string {
	t.Helper()
	raw, err := os.ReadFile(file)
	require.NoError(t, err)
	return include.ReplaceAllStringFunc(string(raw), func(line string) string {
		included, err := os.ReadFile(filepath.Join(filepath.Dir(file), include.FindStringSubmatch(line)[1]))
		require.NoError(t, err)
		return string(included)
	})
}

// run sends a script and returns the lines of its results, as psql -qAt would print them.
func run(ctx context.Context, conn *pgx.Conn, script string) (lines []string, err error) {
	results := conn.PgConn().Exec(ctx, script)
	for results.NextResult() {
		reader := results.ResultReader()
		for reader.NextRow() {
			if values := reader.Values(); len(values) > 0 {
				lines = append(lines, strings.Split(string(values[0]), "\n")...)
			}
		}
		if _, err := reader.Close(); err != nil {
			return lines, errors.Join(err, results.Close())
		}
	}
	return lines, results.Close()
}

// judge reads TAP: how many tests passed, and all that is wrong with the rest.
func judge(lines []string, err error) (passed int, problems []string) {
	planned, seen := -1, 0
	for _, line := range lines {
		if m := planLine.FindStringSubmatch(line); m != nil && planned < 0 {
			planned, _ = strconv.Atoi(m[1]) // digits
		}
		m := testLine.FindStringSubmatch(line)
		switch {
		case m == nil && strings.HasPrefix(line, "#") && len(problems) > 0:
			problems[len(problems)-1] += "\n" + line
		case m == nil:
			continue
		default:
			seen++
			if m[2] != strconv.Itoa(seen) {
				problems = append(problems, fmt.Sprintf("test %d is numbered %s", seen, m[2]))
			}
			if m[1] == "" && !strings.Contains(line, "# SKIP") && !strings.Contains(line, "# TODO") {
				passed++
			} else {
				problems = append(problems, line)
			}
		}
	}
	if err != nil {
		problems = append(problems, describe(err))
	}
	if planned < 0 {
		problems = append(problems, "there is no plan")
	} else if planned != seen {
		problems = append(problems, fmt.Sprintf("%d tests were planned, %d ran", planned, seen))
	}
	return passed, problems
}

func describe(err error) string {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return fmt.Sprintf("%s: %s %s (%s)", pg.Code, pg.Message, pg.Detail, pg.Where)
	}
	return err.Error()
}

// The judge itself: what must not pass.
func TestJudge(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		lines []string
		err   error
		want  int
	}{
		"all well":        {[]string{"1..2", "ok 1 - a", "ok 2 - b"}, nil, 0},
		"one failed":      {[]string{"1..2", "ok 1 - a", "not ok 2 - b", "#  have: 1"}, nil, 1},
		"one missing":     {[]string{"1..2", "ok 1 - a"}, nil, 1},
		"one too many":    {[]string{"1..1", "ok 1 - a", "ok 2 - b"}, nil, 1},
		"no plan":         {[]string{"ok 1 - a"}, nil, 1},
		"nothing":         {nil, nil, 1},
		"skipped":         {[]string{"1..1", "ok 1 - a # SKIP why"}, nil, 1},
		"broke off":       {[]string{"1..2", "ok 1 - a"}, errors.New("syntax error"), 2},
		"wrongly counted": {[]string{"1..2", "ok 1 - a", "ok 3 - b"}, nil, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, problems := judge(c.lines, c.err)
			require.Len(t, problems, c.want, "%v", problems)
		})
	}
}
