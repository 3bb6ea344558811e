package schema_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/tests/testdb"
)

// finding is what the advisors and the linter report.
type finding struct {
	Name     string          `json:"name"`
	Level    string          `json:"level"`
	Detail   string          `json:"detail"`
	Function string          `json:"function"`
	Issues   json.RawMessage `json:"issues"`
}

// supabaseCLI runs the official CLI, which the npm package `supabase` ships, and returns its findings.
func supabaseCLI(t *testing.T, db testdb.DB, args ...string) []finding {
	t.Helper()
	binary, err := filepath.Abs("../js/node_modules/.bin/supabase")
	require.NoError(t, err)
	require.FileExists(t, binary, "install it: sh tests/setup.sh --tests")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	args = append(append([]string{"db"}, args...), "--remote="+db.URL, "--output-format", "json", "--agent", "no")
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Dir = t.TempDir() // no project: all that counts is the database
	// None of the caller's: a linked project or an access token would be asked.
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir(), "SUPABASE_ACCESS_TOKEN=", "DO_NOT_TRACK=1")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	require.NoError(t, cmd.Run(), "%s\n%s", stdout.String(), stderr.String())
	var out struct {
		Results []finding `json:"results"`
	}
	require.NoError(t, json.Unmarshal(lastLine(stdout.Bytes()), &out), stdout.String())
	return out.Results
}

// lastLine is the answer; what comes before are remarks.
func lastLine(b []byte) []byte {
	lines := bytes.Split(bytes.TrimSpace(b), []byte("\n"))
	return lines[len(lines)-1]
}

func TestAdvisorsReportNothing(t *testing.T) {
	t.Parallel()
	db := testdb.New(t)
	require.Empty(t, supabaseCLI(t, db, "advisors", "--type", "all"))
	// Below that there are hints. One counts how often an index was used, which in a new database is never; no other is given.
	for _, f := range supabaseCLI(t, db, "advisors", "--type", "all", "--level", "info") {
		require.Equal(t, "unused_index", f.Name, "%s: %s", f.Name, f.Detail)
	}
}

// The advisors do look: each of these is found.
func TestAdvisorsFind(t *testing.T) {
	t.Parallel()
	db := testdb.New(t)
	_, err := connect(t, db.URL).Exec(t.Context(), `
		create table public.open (id integer primary key, pod_id uuid references public.pods (id));
		create function public.loose() returns integer language sql security definer as 'select 1';
		create policy pods_again on public.pods for select to authenticated using (created_by = auth.uid());`)
	require.NoError(t, err)
	var names []string
	for _, f := range supabaseCLI(t, db, "advisors", "--type", "all", "--level", "info") {
		names = append(names, f.Name)
	}
	require.Subset(t, names, []string{"rls_disabled_in_public", "unindexed_foreign_keys", "function_search_path_mutable",
		"multiple_permissive_policies", "auth_rls_initplan"})
}

func TestLintReportsNothing(t *testing.T) {
	t.Parallel()
	db := withExtension(t, "plpgsql_check", "postgresql-15-plpgsql-check")
	for _, f := range supabaseCLI(t, db, "lint", "--level", "warning") {
		t.Errorf("%s: %s", f.Function, f.Issues)
	}
}

// The linter does look.
func TestLintFinds(t *testing.T) {
	t.Parallel()
	db := withExtension(t, "plpgsql_check", "postgresql-15-plpgsql-check")
	_, err := connect(t, db.URL).Exec(t.Context(), `
		create function stark.broken() returns integer language plpgsql set search_path = ''
		as $$ begin return (select nothing from public.pods); end $$`)
	require.NoError(t, err)
	findings := supabaseCLI(t, db, "lint", "--level", "warning")
	require.Len(t, findings, 1, fmt.Sprint(findings))
	require.Equal(t, "stark.broken", findings[0].Function)
}
