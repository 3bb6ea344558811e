package control_test

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/backend/control"
	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/store"
	"github.com/stark-o/stark/tests/fixture"
)

// dies is a store whose leader never hears that its so manieth step was committed.
type dies struct {
	*store.Store
	after int64
	steps atomic.Int64
}

func (d *dies) Roll(ctx context.Context, epoch core.Epoch, step core.RolloutStep) (uint64, error) {
	position, err := d.Store.Roll(ctx, epoch, step)
	if err == nil && d.steps.Add(1) >= d.after {
		<-ctx.Done()
		return 0, core.Errorf(core.CodeUnavailable, "the answer was lost")
	}
	return position, err
}

// agentsOf let the pods of a deployment live: what was placed runs, or fails if its generation is bad; what is to stop stops.
func (w *world) agentsOf(t *testing.T, bad int64) {
	t.Helper()
	fixture.Exec(t, w.pool, "update public.pods set status = 'stopped', reason = 'stopped_by_user' where desired_state = 'stopped' and status in ('scheduled', 'starting', 'running', 'stopping')")
	fixture.Exec(t, w.pool, "update public.pods set status = 'running' where desired_state = 'running' and status = 'scheduled' and deployment_generation <> $1", bad)
	fixture.Exec(t, w.pool, "update public.pods set status = 'failed', reason = 'crashed' where desired_state = 'running' and status = 'scheduled' and deployment_generation = $1", bad)
}

func (w *world) deployment(t *testing.T, columns, values string, args ...any) uuid.UUID {
	t.Helper()
	return fixture.One[uuid.UUID](t, w.pool, "insert into public.deployments (name, pack_id, created_by, "+columns+") values ('web', $1, $2, "+values+") returning id",
		append([]any{w.pack, w.ops.UserID}, args...)...)
}

// stable waits until a generation is rolled out.
func (w *world) stable(t *testing.T, generation, bad int64) {
	t.Helper()
	eventually(t, "rolled out", func() bool { w.agentsOf(t, bad); return w.isStable(t, generation) })
}

func (w *world) isStable(t *testing.T, generation int64) bool {
	t.Helper()
	return fixture.One[bool](t, w.pool, "select coalesce((status ->> 'stableGeneration')::bigint, 0) = $1 and observed_generation = $1 from public.deployments", generation)
}

// A leader dies after each of the first steps of a rollout; whoever is next goes on. Nothing is made twice.
func TestARolloutGoesOnUnderTheNextLeader(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	fixture.Node(t, w.pool, w.ops, "n1", 20)
	w.deployment(t, "replicas, spec, strategy", `4, '{"env": {"V": "1"}}', '{"maxSurge": 1, "maxUnavailable": 0}'`)
	for round := range 3 {
		var d *dies
		a := startServer(t, "a", w.db, options{wrap: func(s *store.Store) control.Store { d = &dies{Store: s, after: 1}; return d }})
		eventually(t, "it has taken a step, or there is none left", func() bool { w.agentsOf(t, 0); return d.steps.Load() == 1 || w.isStable(t, 1) })
		a.stop()
		require.LessOrEqual(t, w.count(t, "deployment_id is not null and status not in ('stopped', 'failed')"), int64(5), "round %d", round)
	}
	b := startServer(t, "b", w.db, options{})
	eventually(t, "b leads", b.leads)
	w.stable(t, 1, 0)
	require.EqualValues(t, 4, fixture.One[int64](t, w.pool, "select count(*) from public.pods"), "none was made twice")
	require.EqualValues(t, 4, w.count(t, "status = 'running' and env = '{\"V\": \"1\"}' and name like 'web-%' and created_by is not null"))

	b.stop()
	fixture.Exec(t, w.pool, `update public.deployments set spec = '{"env": {"V": "2"}}'`)
	for range 3 {
		var d *dies
		c := startServer(t, "c", w.db, options{wrap: func(s *store.Store) control.Store { d = &dies{Store: s, after: 2}; return d }})
		eventually(t, "it has taken two steps, or there is none left", func() bool { w.agentsOf(t, 0); return d.steps.Load() == 2 || w.isStable(t, 2) })
		require.LessOrEqual(t, w.count(t, "status not in ('stopped', 'failed') and desired_state = 'running'"), int64(5))
		require.GreaterOrEqual(t, w.count(t, "status = 'running'"), int64(4))
		c.stop()
	}
	e := startServer(t, "e", w.db, options{})
	eventually(t, "e leads", e.leads)
	w.stable(t, 2, 0)
	require.EqualValues(t, 8, fixture.One[int64](t, w.pool, "select count(*) from public.pods"), "one for one")
	require.EqualValues(t, 4, w.count(t, "status = 'running' and env = '{\"V\": \"2\"}'"))
}

func TestABadGenerationIsTakenBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	fixture.Node(t, w.pool, w.ops, "n1", 20)
	a := startServer(t, "a", w.db, options{})
	eventually(t, "a leads", a.leads)
	w.deployment(t, "replicas, spec", `3, '{"labels": {"v": "1"}}'`)
	w.stable(t, 1, 2)
	fixture.Exec(t, w.pool, `update public.deployments set spec = '{"labels": {"v": "bad"}}'`)
	w.stable(t, 3, 2)
	require.EqualValues(t, 3, w.count(t, `status = 'running' and labels = '{"v": "1"}'`))
	require.Zero(t, w.count(t, `status = 'running' and labels = '{"v": "bad"}'`))
	require.EqualValues(t, 1, fixture.One[int64](t, w.pool, "select count(*) from public.events where kind = 'deployment' and reason = 'rolled_back' and type = 'Warning'"))
}

// halts is a store whose leader never hears that its step was committed which takes a generation back, or that which went before it.
type halts struct {
	*store.Store
	at     func(step core.RolloutStep) bool
	halted atomic.Bool
}

func (h *halts) Roll(ctx context.Context, epoch core.Epoch, step core.RolloutStep) (uint64, error) {
	position, err := h.Store.Roll(ctx, epoch, step)
	if err == nil && h.at(step) {
		h.halted.Store(true)
		<-ctx.Done()
		return 0, core.Errorf(core.CodeUnavailable, "the answer was lost")
	}
	return position, err
}

// A leader dies amid a crash loop, the next while it takes the bad generation back. It is taken back once, and what works is never touched.
func TestACrashLoopGoesOnUnderTheNextLeader(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	fixture.Node(t, w.pool, w.ops, "n1", 20)
	first := startServer(t, "first", w.db, options{})
	eventually(t, "it leads", first.leads)
	w.deployment(t, "replicas, spec, strategy", `3, '{"labels": {"v": "1"}}', '{"maxSurge": 1, "maxUnavailable": 0}'`)
	w.stable(t, 1, 2)
	first.stop()
	working := fixture.All[string](t, w.pool, "select id::text from public.pods where status = 'running' order by id")
	fixture.Exec(t, w.pool, `update public.deployments set spec = '{"labels": {"v": "bad"}}'`)
	var h *halts
	a := startServer(t, "a", w.db, options{wrap: func(s *store.Store) control.Store {
		h = &halts{Store: s, at: func(step core.RolloutStep) bool { return len(step.Create) > 0 }}
		return h
	}})
	eventually(t, "it has made a pod that will crash", h.halted.Load)
	a.stop()
	b := startServer(t, "b", w.db, options{wrap: func(s *store.Store) control.Store {
		h = &halts{Store: s, at: func(step core.RolloutStep) bool { return step.RollbackTo != 0 }}
		return h
	}})
	eventually(t, "it has taken the generation back", func() bool { w.agentsOf(t, 2); return h.halted.Load() })
	b.stop()
	c := startServer(t, "c", w.db, options{})
	eventually(t, "c leads", c.leads)
	w.stable(t, 3, 2)
	require.EqualValues(t, 1, fixture.One[int64](t, w.pool, "select count(*) from public.events where reason = 'rolled_back'"), "once")
	require.EqualValues(t, 3, w.count(t, `status = 'running' and labels = '{"v": "1"}'`))
	require.Subset(t, fixture.All[string](t, w.pool, "select id::text from public.pods where deployment_generation = 1"), working)
}

func TestADeploymentFollowsTheLatest(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	fixture.Node(t, w.pool, w.ops, "n1", 20)
	a := startServer(t, "a", w.db, options{})
	eventually(t, "a leads", a.leads)
	w.deployment(t, "follow_latest, replicas", "true, 2")
	w.stable(t, 1, 0)
	version := func(v, visibility string, owner uuid.UUID) {
		fixture.Exec(t, w.pool, `insert into public.packs (name, version, runtime_tag, owner_id, visibility, bundle_path, bundle_sha256, bundle_size)
			values ('hello', $1, 'universal', $2::uuid, $3, $2::text || '/hello/' || $1 || '/b.js', $4, 10)`, v, owner, visibility, fixture.SHA)
	}
	version("3.0.0-rc.1", "public", w.ops.UserID)
	version("1.1.0", "public", w.ops.UserID)
	version("0.9.0", "public", w.ops.UserID)
	eventually(t, "it follows", func() bool {
		w.agentsOf(t, 0)
		return w.count(t, "status = 'running' and pack_id = (select id from public.packs where version = '1.1.0')") == 2
	})
	w.stable(t, 2, 0)
	require.EqualValues(t, 1, fixture.One[int64](t, w.pool, "select count(*) from public.events where reason = 'follows_latest'"))
}

func TestADaemonsetFollowsTheNodes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	fixture.Node(t, w.pool, w.ops, "n1", 20)
	n2 := fixture.Node(t, w.pool, w.ops, "n2", 20)
	fixture.Exec(t, w.pool, `update public.nodes set labels = '{"gpu": "yes"}'`)
	fixture.Node(t, w.pool, w.ops, "plain", 20)
	a := startServer(t, "a", w.db, options{})
	eventually(t, "a leads", a.leads)
	w.deployment(t, "mode, spec", `'daemonset', '{"nodeSelector": {"gpu": "yes"}}'`)
	w.stable(t, 1, 0)
	onNodes := "select string_agg(n.name, ' ' order by n.name) from public.pods p join public.nodes n on n.id = p.node_id where p.status = 'running'"
	require.Equal(t, "n1 n2", fixture.One[string](t, w.pool, onNodes))
	fixture.Exec(t, w.pool, `update public.nodes set labels = '{"gpu": "yes"}' where name = 'plain'`)
	fixture.Exec(t, w.pool, `update public.nodes set labels = '{}' where id = $1`, n2)
	eventually(t, "they are where they belong", func() bool { w.agentsOf(t, 0); return fixture.One[string](t, w.pool, onNodes) == "n1 plain" })
}

func TestARefusalIsInTheConditions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	fixture.Node(t, w.pool, w.ops, "n1", 20)
	fixture.Exec(t, w.pool, `insert into public.namespaces (name, resource_quota) values ('small', '{"maxPods": 3}')`)
	a := startServer(t, "a", w.db, options{})
	eventually(t, "a leads", a.leads)
	id := w.deployment(t, "namespace, replicas", "'small', 8")
	failing := func() string {
		return fixture.One[string](t, w.pool, `select coalesce((select c ->> 'message' from jsonb_array_elements(status -> 'conditions') c where c ->> 'type' = 'Failing'), '') from public.deployments`)
	}
	eventually(t, "as many as there is room for", func() bool { w.agentsOf(t, 0); return w.count(t, "status = 'running'") == 3 })
	eventually(t, "it is said", func() bool { return failing() != "" })
	require.Contains(t, failing(), "quota")
	require.Equal(t, "QuotaExceeded", fixture.One[string](t, w.pool, `select c ->> 'reason' from public.deployments, jsonb_array_elements(status -> 'conditions') c where c ->> 'type' = 'Failing'`))
	fixture.Exec(t, w.pool, "update public.deployments set replicas = 3")
	eventually(t, "nothing is refused that nobody wants", func() bool { return failing() == "" })
	fixture.Exec(t, w.pool, "update public.deployments set replicas = 8")
	eventually(t, "it is said again", func() bool { return failing() != "" })
	fixture.Exec(t, w.pool, `update public.namespaces set resource_quota = '{"maxPods": 20}' where name = 'small'`)
	eventually(t, "the rest", func() bool { w.agentsOf(t, 0); return w.count(t, "status = 'running'") == 8 })
	eventually(t, "nothing is said any more", func() bool { return failing() == "" })

	fixture.Exec(t, w.pool, "update public.deployments set created_by = null") // nobody's: it runs what everybody may
	fixture.Exec(t, w.pool, "update public.packs set visibility = 'private'")
	fixture.Exec(t, w.pool, "update public.deployments set replicas = 9")
	eventually(t, "a pack that its owner may not run is not run", func() bool { return failing() != "" })
	require.EqualValues(t, 8, w.count(t, "status = 'running'"))
	fixture.Exec(t, w.pool, "update public.packs set visibility = 'public'")
	eventually(t, "until it is public again", func() bool { w.agentsOf(t, 0); return w.count(t, "status = 'running'") == 9 && failing() == "" })
	fixture.Exec(t, w.pool, "delete from public.deployments where id = $1", id)
	eventually(t, "it takes its pods with it", func() bool { w.agentsOf(t, 0); return w.count(t, "status = 'running'") == 0 })
}

func TestADeploymentOfWhoMayNotAnyMore(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	fixture.Node(t, w.pool, w.ops, "n1", 20)
	a := startServer(t, "a", w.db, options{})
	eventually(t, "a leads", a.leads)
	id := w.deployment(t, "replicas", "8")
	w.stable(t, 1, 0)
	failing := func() string {
		return fixture.One[string](t, w.pool, `select coalesce((select c ->> 'message' from jsonb_array_elements(status -> 'conditions') c where c ->> 'type' = 'Failing'), '') from public.deployments`)
	}
	fixture.Exec(t, w.pool, "update public.users set role = 'viewer' where id = $1", w.ops.UserID)
	fixture.Exec(t, w.pool, "update public.deployments set replicas = 9")
	eventually(t, "a viewer's deployment makes no pods", func() bool { return failing() == "its owner is gone or may not create pods any more" })
	require.EqualValues(t, 8, w.count(t, "status = 'running'"), "and keeps those that there are")
	fixture.Exec(t, w.pool, "delete from public.deployments where id = $1", id)
	eventually(t, "it takes its pods with it", func() bool { w.agentsOf(t, 0); return w.count(t, "status = 'running'") == 0 })
}
