package store

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/tests/fixture"
)

func (w *world) expire(t *testing.T) {
	t.Helper()
	fixture.Exec(t, w.pool, "update public.leader_lease set expires_at = clock_timestamp() - interval '1 s'")
}

func TestOneHoldsTheLease(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.lead(t, "a")
	require.Equal(t, core.Epoch{Holder: "a", Number: 1, Start: first.Start}, first)
	_, ok, err := w.AcquireLease(t.Context(), "b", time.Minute)
	require.NoError(t, err)
	require.False(t, ok, "it is held")

	at, ours, err := w.RenewLease(t.Context(), first, time.Minute)
	require.NoError(t, err)
	require.True(t, ours)
	require.Greater(t, at, first.Start)

	w.expire(t)
	_, ours, err = w.RenewLease(t.Context(), first, time.Minute)
	require.NoError(t, err)
	require.True(t, ours, "nobody took it meanwhile")

	w.expire(t)
	second := w.lead(t, "b")
	require.EqualValues(t, 2, second.Number)
	_, ours, err = w.RenewLease(t.Context(), first, time.Minute)
	require.NoError(t, err)
	require.False(t, ours, "taken over")
	require.NoError(t, w.ReleaseLease(t.Context(), first))
	_, ok, err = w.AcquireLease(t.Context(), "a", time.Minute)
	require.NoError(t, err)
	require.False(t, ok, "a release by the one before changes nothing")

	require.NoError(t, w.ReleaseLease(t.Context(), second))
	require.EqualValues(t, 3, w.lead(t, "a").Number, "released: free at once")
	require.EqualValues(t, 4, w.lead(t, "a").Number, "the holder may begin another term")
}

// The position of a term comes after whatever the terms before it have committed, also when that was on its way at the take-over.
func TestATermStartsAfterTheDecisionsOfTheOneBefore(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	old := w.lead(t, "a")
	commit := w.hold(t, `with lease as materialized (select 1 from public.leader_lease where epoch = $1 for key share)
		insert into public.namespaces (name) select 'decision' from lease`, old.Number)
	w.expire(t)
	taken := make(chan core.Epoch, 1)
	go func() {
		epoch, _, err := w.AcquireLease(t.Context(), "b", time.Minute)
		if err != nil {
			close(taken)
			return
		}
		taken <- epoch
	}()
	w.blocked(t)
	before := uint64(fixture.One[int64](t, w.pool, "select (pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::bigint"))
	commit()
	epoch := <-taken
	require.EqualValues(t, 2, epoch.Number)
	require.Greater(t, epoch.Start, before, "after the commit, which was written after before was read")
}

// However many requests wait for something, the lease is renewed in time.
func TestRequestsDoNotStarveTheWorker(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	epoch := w.lead(t, "a")
	pod := fixture.Pods(t, w.pool, w.pack, 1)[0]
	admin := fixture.User(t, w.pool, "admin")
	release := w.hold(t, "update public.pods set labels = '{\"a\": \"b\"}' where id = $1", pod)
	var requests errgroup.Group
	for range 20 {
		requests.Go(func() error {
			_, err := w.StopPod(t.Context(), admin, pod)
			return err
		})
	}
	require.Eventually(t, func() bool { return w.requests.Stat().AcquiredConns() == w.requests.Config().MaxConns }, 10*time.Second, time.Millisecond)
	_, ours, err := w.RenewLease(t.Context(), epoch, time.Minute)
	require.NoError(t, err)
	require.True(t, ours)
	release()
	require.NoError(t, requests.Wait())
}
