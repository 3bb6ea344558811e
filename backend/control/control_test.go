package control

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/backend/core"
)

func TestNewSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	f := newFake()
	for _, cfg := range []Config{{}, {ServerID: "x"}, {ServerID: "x", Store: f}, {ServerID: "x", Store: f, Cluster: f.state}} {
		_, err := New(cfg)
		require.ErrorContains(t, err, "are needed")
	}
}

func TestItDoesNotLeadBeforeItKnowsTheCluster(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		c := f.run(t, nil)
		f.show(c, core.Changes{Events: []core.Event{aNode(1, 100)}}) // not a snapshot
		require.False(t, leading(c)())
		f.show(c, snapshot())
		eventually(t, "leads", leading(c))
	})
}

func TestItPlacesWhatWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		c := f.run(t, nil)
		f.show(c, snapshot(aNode(1, 250), aPod(1, 100)))
		eventually(t, "placed at the start", f.placed(1))
		f.show(c, core.Changes{Events: []core.Event{aPod(2, 100), aPod(3, 100)}})
		eventually(t, "placed", f.placed(2))
		eventually(t, "explained", f.is(func() bool { return f.explained[podID(3)] != "" }))
		f.with(func() { require.Contains(t, f.explained[podID(3)], "insufficient_cpu") })
		f.show(c, core.Changes{Events: []core.Event{aNode(2, 100)}})
		eventually(t, "placed once there is room", f.placed(3))
	})
}

// The database may not show a pod yet that the feed has shown. It is tried again, without anybody calling.
func TestWhatTheDatabaseDoesNotSeeYetIsTriedAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.miss[podID(1)], f.unseen[podID(2)] = 3, 3
		c := f.run(t, nil)
		f.show(c, snapshot(aNode(1, 100), aPod(1, 100), aPod(2, 500)))
		eventually(t, "placed", f.placed(1))
		eventually(t, "explained", f.is(func() bool { return f.explained[podID(2)] != "" }))
	})
}

func TestBatchesHaveALimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		c := f.run(t, func(cfg *Config) { cfg.Batch = 2 })
		f.miss[podID(1)], f.miss[podID(2)] = 2, 2 // a whole batch that is not seen at first
		f.show(c, snapshot(aNode(1, 1000), aPod(1, 1), aPod(2, 1), aPod(3, 1), aPod(4, 1), aPod(5, 1), aPod(6, 9999), aPod(7, 9999), aPod(8, 9999)))
		eventually(t, "placed", f.placed(1, 2, 3, 4, 5))
		eventually(t, "explained at the end", f.is(func() bool { return len(f.explained) == 3 }))
		f.with(func() {
			require.Equal(t, 2, f.writes, "of two explanations and of one")
			for _, n := range f.batches {
				require.LessOrEqual(t, n, 2)
			}
		})
	})
}

func TestARefusedBatchIsTriedAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.assignErr = []error{core.Errorf(core.CodeConflict, "in the way"), core.Errorf(core.CodeValidation, "odd")}
		c := f.run(t, nil)
		f.show(c, snapshot(aNode(1, 100), aPod(1, 100)))
		eventually(t, "placed", f.placed(1))
		f.with(func() { require.EqualValues(t, 1, f.epoch, "in the same term: nothing was written") })
	})
}

// One placement that breaks a rule of the database, for example of a node that is not shared any more, does not hold up the others.
func TestARefusedPlacementHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.refused = podID(3)
		c := f.run(t, nil)
		f.show(c, snapshot(aNode(1, 1000), aPod(1, 1), aPod(2, 1), aPod(3, 1), aPod(4, 1), aPod(5, 1), aPod(6, 1), aPod(7, 1)))
		synctest.Wait()
		require.True(t, f.placed(1, 2, 4, 5, 6, 7)())
		require.False(t, f.placed(3)())
		f.with(func() {
			require.EqualValues(t, 1, f.epoch)
			f.refused = uuid.Nil
		})
		eventually(t, "placed once the rule allows it", f.placed(3))
	})
}

// A connection that broke leaves open whether the decision was written. A new term clears that up.
func TestAnUnknownOutcomeEndsTheTerm(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.assignErr = []error{core.Errorf(core.CodeUnavailable, "gone"), errors.New("odd")}
		c := f.run(t, nil)
		f.show(c, snapshot(aNode(1, 100), aPod(1, 100)))
		eventually(t, "placed", f.placed(1))
		f.with(func() {
			require.EqualValues(t, 3, f.epoch)
			require.Equal(t, 2, f.released)
		})
	})
}

func TestALostEpochEndsTheTerm(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for name, pod := range map[string]core.Event{"on assigning": aPod(1, 100), "on explaining": aPod(1, 999)} {
			f := newFake()
			c := f.run(t, func(cfg *Config) { cfg.LeaseTTL = time.Hour }) // so that no renewal finds out
			f.show(c, snapshot(aNode(1, 100)))
			eventually(t, "leads", leading(c))
			f.with(func() { f.lost, f.refuse = true, true })
			f.show(c, core.Changes{Events: []core.Event{pod}})
			eventually(t, name, func() bool { return !leading(c)() })
		}
	})
}

// A new leader's picture may lack what the one before decided. It waits until its feed has caught up.
func TestATermBeginsWithAPictureThatIsUpToDate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.start = 50
		c := f.run(t, func(cfg *Config) { cfg.LeaseTTL = time.Minute })
		f.show(c, snapshot(aNode(1, 100), aPod(1, 100)))
		eventually(t, "leads", leading(c))
		f.show(c, core.Changes{Position: 49})
		f.show(c, core.Changes{Events: []core.Event{aPod(2, 1)}, Position: 49})
		synctest.Wait()
		f.with(func() { require.Empty(t, f.batches) })
		// What the leader before decided arrives: the node is full.
		other := *f.state.Pod(podID(1))
		other.ID, other.Status, other.NodeID, other.Incarnation = podID(9), core.PodScheduled, uuid.UUID{13: 1, 15: 1}, 1
		f.show(c, core.Changes{Events: []core.Event{core.PodUpserted{Pod: &other}}, Position: 60})
		eventually(t, "explained", f.is(func() bool { return len(f.explained) == 2 }))
		f.with(func() { require.Empty(t, f.batches) })
	})
}

// A leader whose feed is stuck decides nothing and keeps others from deciding. It lets go, and does not try again before its feed is well.
func TestALeaderWhoseFeedStandsStillLetsGo(t *testing.T) {
	t.Parallel()
	for name, prepare := range map[string]func(f *fakeStore){
		"from the start": func(f *fakeStore) { f.start = 50 },
		"later":          func(f *fakeStore) { f.wal, f.growth = 50, 1 },
	} {
		synctest.Test(t, func(t *testing.T) {
			f := newFake()
			prepare(f)
			c := f.run(t, func(cfg *Config) { cfg.LeaseTTL = 6 * time.Second })
			f.show(c, snapshot(aNode(1, 100)))
			synctest.Wait()
			require.True(t, leading(c)(), name)
			time.Sleep(25 * time.Second)
			require.True(t, leading(c)(), name)
			time.Sleep(time.Hour)
			require.False(t, leading(c)(), name)
			f.with(func() { require.EqualValues(t, 1, f.released, name) })
			f.show(c, core.Changes{Events: []core.Event{aPod(1, 100)}, Position: 1000})
			eventually(t, "placed", f.placed(1))
		})
	}
}

func TestALeaderWhoseFeedKeepsUpStays(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.start, f.wal, f.growth = 50, 50, 10
		c := f.run(t, func(cfg *Config) { cfg.LeaseTTL = 6 * time.Second })
		f.show(c, snapshot())
		for range 100 {
			var end uint64
			f.with(func() { end = f.wal })
			f.show(c, core.Changes{Position: end})
			time.Sleep(20 * time.Second) // it lags, but not for too long
		}
		f.with(func() { require.EqualValues(t, 1, f.epoch) })
	})
}

func TestItKeepsTheLeaseAndStopsWhenItIsTakenOver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		c := f.run(t, func(cfg *Config) { cfg.LeaseTTL = 30 * time.Millisecond })
		f.show(c, snapshot())
		eventually(t, "renewed", f.is(func() bool { return f.renewals > 5 }))
		first, leads := c.Leads()
		require.True(t, leads)
		require.EqualValues(t, 1, first.Number)
		f.with(func() { f.lost, f.refuse = true, true })
		eventually(t, "stopped", func() bool { return !leading(c)() })
		f.with(func() { f.refuse = false })
		eventually(t, "leads again", func() bool { e, leads := c.Leads(); return leads && e.Number > 1 })
	})
}

// Without an answer from the database the lease ends by our own clock, before another server can have it.
func TestItStopsWhenTheDatabaseDoesNotAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		c := f.run(t, func(cfg *Config) { cfg.LeaseTTL = 60 * time.Millisecond })
		f.show(c, snapshot())
		eventually(t, "leads", leading(c))
		f.with(func() { f.leaseErr = errors.New("down") })
		eventually(t, "stopped", func() bool { return !leading(c)() })
		f.with(func() { f.leaseErr = nil })
		eventually(t, "leads again", leading(c))
	})
}

func TestNodesThatAreNotHeardAreLost(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.leases = []core.NodeLease{{NodeID: nodeA}, {NodeID: nodeB}}
		f.loseErr = errors.New("once")
		c := f.run(t, nil)
		f.show(c, snapshot())
		beats := time.NewTicker(5 * time.Second)
		defer beats.Stop()
		for range 6 {
			<-beats.C
			f.with(func() {
				f.leases = []core.NodeLease{{NodeID: nodeA}, {NodeID: nodeB, RenewedAt: time.Now()}}
				require.Empty(t, f.given)
			})
		}
		time.Sleep(10 * time.Second) // time for two more looks: what the first of them wants to write fails
		f.with(func() { require.Contains(t, f.given, nodeA); require.NotContains(t, f.given, nodeB) })
	})
}

// While the database does not answer nobody can renew a lease. Afterwards every node has the whole timeout again.
func TestNobodyIsLostWhenTheDatabaseWasAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.leases = []core.NodeLease{{NodeID: nodeA}}
		c := f.run(t, nil)
		f.show(c, snapshot())
		time.Sleep(25 * time.Second)
		f.with(func() { f.leasesErr = errors.New("down") })
		time.Sleep(time.Hour)
		f.with(func() { f.leasesErr = nil })
		time.Sleep(25 * time.Second)
		f.with(func() { require.Empty(t, f.given) })
		time.Sleep(15 * time.Second)
		f.with(func() { require.Contains(t, f.given, nodeA) })
	})
}

// With thousands of pods that wait, every pod that comes or goes changes what is said of all of them. That is not written each time.
func TestExplanationsAreBroughtUpToDateNowAndThen(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		c := f.run(t, nil)
		f.show(c, snapshot(aNode(1, 100), aPod(1, 5000)))
		synctest.Wait()
		for n := range byte(20) {
			f.show(c, core.Changes{Events: []core.Event{aNode(1, 101+int64(n)), aPod(100+n, 6000)}})
			synctest.Wait()
			f.with(func() { require.Contains(t, f.explained[podID(100+n)], "insufficient_cpu", "new ones at once") })
		}
		f.with(func() { require.Contains(t, f.explained[podID(1)], "most free 101m", "the first change was due") })
		var writes int
		f.with(func() { writes = f.writes })
		time.Sleep(explainEvery)
		synctest.Wait()
		f.with(func() {
			require.Contains(t, f.explained[podID(1)], "most free 120m")
			require.Equal(t, writes+1, f.writes)
		})
		time.Sleep(time.Minute)
		f.with(func() { require.Equal(t, writes+1, f.writes, "nothing changes, nothing is written") })
	})
}
