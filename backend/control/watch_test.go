package control

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/backend/cluster"
	"github.com/stark-o/stark/backend/core"
)

const (
	timeout = 30 * time.Second
	period  = 3 * time.Second
	gap     = 3 * period
)

// looker drives a leaseWatch on a clock of its own.
type looker struct {
	watch  *leaseWatch
	now    time.Time
	leases map[uuid.UUID]time.Time // by the database's clock, which need not agree with ours
}

var nodeA, nodeB = uuid.UUID{15: 1}, uuid.UUID{15: 2}

func newLooker(nodes ...uuid.UUID) *looker {
	l := &looker{watch: newLeaseWatch(), now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), leases: map[uuid.UUID]time.Time{}}
	for _, n := range nodes {
		l.leases[n] = time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	return l
}

func (l *looker) renew(nodes ...uuid.UUID) {
	for _, n := range nodes {
		l.leases[n] = l.leases[n].Add(time.Second)
	}
}

func (l *looker) look(after time.Duration) (lost []uuid.UUID) {
	l.now = l.now.Add(after)
	var leases []core.NodeLease
	for n, at := range l.leases {
		leases = append(leases, core.NodeLease{NodeID: n, RenewedAt: at})
	}
	for _, lease := range l.watch.look(leases, l.now, timeout, gap) {
		lost = append(lost, lease.NodeID)
	}
	return lost
}

func TestANodeIsLostOnceItStoodStillForTheWholeTimeout(t *testing.T) {
	t.Parallel()
	l := newLooker(nodeA, nodeB)
	require.Empty(t, l.look(0), "however old the lease is: we have not watched it yet")
	for range 10 {
		l.renew(nodeB)
		require.Empty(t, l.look(period))
	}
	l.renew(nodeB)
	require.Equal(t, []uuid.UUID{nodeA}, l.look(period))
	require.Equal(t, []uuid.UUID{nodeA}, l.look(period), "until something is done about it")
	l.renew(nodeA)
	require.Empty(t, l.look(period), "it is back")
	for range 10 {
		l.renew(nodeB)
		require.Empty(t, l.look(period))
	}
	delete(l.leases, nodeA)
	require.Empty(t, l.look(period), "nobody counts on it any more")
	l.leases[nodeA] = time.Time{}
	require.Empty(t, l.look(period), "seen anew")
}

// A control plane that was away, because it was suspended or because the database was gone, blames nobody for that time.
func TestAControlPlaneThatWasAwayBlamesNobody(t *testing.T) {
	t.Parallel()
	l := newLooker(nodeA)
	l.look(0)
	for range 9 {
		require.Empty(t, l.look(period))
	}
	require.Empty(t, l.look(time.Hour), "an hour in which nobody looked")
	for range 10 {
		require.Empty(t, l.look(period), "the whole timeout anew")
	}
	require.Equal(t, []uuid.UUID{nodeA}, l.look(period))
}

func TestTheTimeoutHasBounds(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]time.Duration{
		"45000": 45 * time.Second, "0": time.Second, "-5": time.Second, "9000000000000000000": 24 * time.Hour, `"soon"`: 30 * time.Second,
	} {
		state := cluster.New()
		state.Apply(core.Changes{Events: []core.Event{core.ConfigUpserted{Key: "heartbeat.timeoutMs", Value: []byte(value)}}})
		require.Equal(t, want, heartbeatTimeout(state), value)
	}
	require.Equal(t, 30*time.Second, heartbeatTimeout(cluster.New()))
}

func TestRetryDelay(t *testing.T) {
	t.Parallel()
	r := retryDelay{min: 5 * time.Millisecond, max: 30 * time.Millisecond}
	var got []time.Duration
	for range 5 {
		got = append(got, r.next()/time.Millisecond)
	}
	require.Equal(t, []time.Duration{5, 10, 20, 30, 30}, got)
	r.reset()
	require.Equal(t, 5*time.Millisecond, r.next())
}
