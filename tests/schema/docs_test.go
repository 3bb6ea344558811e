package schema_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/tests/testdb"
)

// Every rule that a function raises is in docs/errors.md, with its SQLSTATE, and nothing else is.
func TestErrorsAreDocumented(t *testing.T) {
	t.Parallel()
	rows, err := connect(t, testdb.New(t).URL).Query(t.Context(), `
		select distinct m[2] || ' ' || m[1]
		from pg_proc p, regexp_matches(p.prosrc, 'errcode = ''(\w+)''[^;]*?constraint = ''([a-z_]+[a-z])''', 'g') m
		where p.pronamespace = 'stark'::regnamespace`)
	require.NoError(t, err)
	raised, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	raised = append(raised, // these put their names together
		"namespaces_quota_pods 23514", "namespaces_quota_cpu 23514", "namespaces_quota_memory 23514",
		"events_append_only 42501", "pod_history_append_only 42501", "pods_no_truncate 42501")

	page, err := os.ReadFile("../../docs/errors.md")
	require.NoError(t, err)
	_, rules, found := strings.Cut(string(page), "## Rules with a name")
	require.True(t, found)
	var documented []string
	name := regexp.MustCompile("`([a-z_]+)`")
	for _, line := range strings.Split(rules, "\n") {
		if cells := strings.Split(line, "|"); len(cells) > 3 {
			for _, m := range name.FindAllStringSubmatch(cells[1], -1) {
				documented = append(documented, m[1]+" "+strings.TrimSpace(cells[2]))
			}
		}
	}
	require.ElementsMatch(t, raised, documented)
}

// The detail repeats the name, since PostgREST does not pass on the constraint.
func TestEveryRuleNamesItself(t *testing.T) {
	t.Parallel()
	rows, err := connect(t, testdb.New(t).URL).Query(t.Context(), `
		select distinct p.proname || ': ' || m[1] from pg_proc p,
			regexp_matches(p.prosrc, 'constraint = ((?:''[a-z_]+''|tg_table_name)(?: \|\| (?:limited|''[a-z_]+''))?)', 'g') m
		where p.pronamespace = 'stark'::regnamespace and position('detail = ' || m[1] in p.prosrc) = 0`)
	require.NoError(t, err)
	silent, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	require.Empty(t, silent)
}
