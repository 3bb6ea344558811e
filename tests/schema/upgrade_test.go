package schema_test

import (
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/supabase"
	"github.com/stark-o/stark/supabase/migrate"
	"github.com/stark-o/stark/tests/testdb"
)

// A database that was in use with the first eight migrations takes the rest, and its quotas hold from then on.
func TestUpgradeOfADatabaseInUse(t *testing.T) {
	t.Parallel()
	conn := connect(t, testdb.Bare(t).URL)
	first := fstest.MapFS{}
	require.NoError(t, fs.WalkDir(supabase.Files, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasPrefix(path, "migrations/202611") && path >= "migrations/2026110200" {
			return err
		}
		data, err := fs.ReadFile(supabase.Files, path)
		first[path] = &fstest.MapFile{Data: data}
		return err
	}))
	applied, err := migrate.Up(t.Context(), conn, first, nil)
	require.NoError(t, err)
	require.Len(t, applied, 8)
	_, err = migrate.Seed(t.Context(), conn, first)
	require.NoError(t, err)
	_, err = conn.Exec(t.Context(), `
		insert into auth.users (id, aud, role, email)
			values ('a0000000-0000-4000-8000-000000000001', 'authenticated', 'authenticated', 'dev@example.com');
		update public.users set role = 'developer';
		insert into public.packs (id, name, version, runtime_tag, owner_id, visibility, bundle_path, bundle_sha256, bundle_size)
			values ('`+packID+`', 'hello', '1.0.0',
			'node', 'a0000000-0000-4000-8000-000000000001', 'private', 'a0000000-0000-4000-8000-000000000001/hello/1.0.0/b.mjs', repeat('a', 64), 1);
		insert into public.namespaces (name, resource_quota) values ('team', '{"maxPods": 3}'), ('free', '{}');
		insert into public.nodes (name, runtime_type, access, taints) values ('n', 'node', 'shared', '[{"key": "a", "effect": "NoExecute"}]');
		insert into public.pods (name, namespace, pack_id, labels)
			select 'p' || i, 'team', '`+packID+`', '{"a": "b"}' from generate_series(1, 3) i;
		update public.pods set status = 'scheduled', node_id = (select id from public.nodes) where name <> 'p3';
		update public.pods set status = 'failed' where name = 'p2';
		insert into public.pod_logs (pod_id, incarnation, at, stream, line) select id, 1, now(), 'stdout', 'x' from public.pods`)
	require.NoError(t, err)

	_, err = migrate.Up(t.Context(), conn, supabase.Files, nil)
	require.NoError(t, err)
	var usage string
	require.NoError(t, conn.QueryRow(t.Context(), `
		select string_agg(namespace || ' ' || pods || ' of ' || max_pods, ', ') from public.namespace_usage`).Scan(&usage))
	require.Equal(t, "team 2 of 3", usage)
	_, err = conn.Exec(t.Context(), insertPods, "team", 2, "10m")
	require.Equal(t, "namespaces_quota_pods", refusedBy(err))
	_, err = conn.Exec(t.Context(), insertPods, "team", 1, "10m")
	require.NoError(t, err)
	_, err = conn.Exec(t.Context(), `
		update public.pods set status = 'running' where name = 'p1';
		update public.nodes set unschedulable = true`)
	require.NoError(t, err, "what was there goes on")
}
