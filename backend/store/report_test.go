package store

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/tests/fixture"
)

func TestReportStatuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	node, other := fixture.Node(t, w.pool, w.dev, "n1", 10), fixture.Node(t, w.pool, w.dev, "n2", 10)
	pods := fixture.Pods(t, w.pool, w.pack, 8)
	w.place(t, node, pods[:7]...)
	fixture.Exec(t, w.pool, "update public.pods set status = 'running' where id = $1", pods[4])
	fixture.Exec(t, w.pool, "update public.pods set status = 'failed', reason = 'oom' where id = any ($1)", pods[5:7])
	report := func(pod uuid.UUID, status core.PodStatus) core.StatusReport {
		return core.StatusReport{NodeID: node, PodID: pod, Incarnation: 1, Status: status, Reason: "r", Message: "m"}
	}
	stale, foreign := report(pods[1], core.PodRunning), report(pods[2], core.PodRunning)
	stale.Incarnation, foreign.NodeID = 0, other
	done := report(pods[3], core.PodStopped)
	done.Result = json.RawMessage(`{"answer": 42}`)
	verdicts, err := w.ReportStatuses(t.Context(), []core.StatusReport{
		report(pods[0], core.PodStarting), stale, foreign, done, report(pods[4], core.PodStarting), report(pods[5], core.PodFailed),
		report(pods[6], core.PodRunning), report(pods[7], core.PodRunning), report(uuid.New(), core.PodRunning),
	})
	require.NoError(t, err)
	require.Equal(t, []string{
		core.VerdictAccepted, core.VerdictStaleIncarnation, core.VerdictStaleIncarnation, core.VerdictAccepted, core.VerdictIllegalTransition,
		core.VerdictAccepted, // said before, and the acknowledgement was lost
		core.VerdictIllegalTransition, core.VerdictNotYet, core.VerdictNotFound,
	}, verdicts)
	require.Equal(t, podRow{Status: core.PodStarting, Reason: "r", Message: "m", NodeID: &node, Incarnation: 1}, w.row(t, pods[0]))
	require.Equal(t, core.PodScheduled, w.row(t, pods[1]).Status)
	require.Equal(t, core.PodScheduled, w.row(t, pods[2]).Status)
	require.Equal(t, core.PodRunning, w.row(t, pods[4]).Status)
	require.Equal(t, "oom", w.row(t, pods[5]).Reason, "what was said first stands")
	result := func(pod uuid.UUID) *string {
		return fixture.One[*string](t, w.pool, "select result::text from public.pods where id = $1", pod)
	}
	require.JSONEq(t, `{"answer": 42}`, *result(pods[3]))
	require.Nil(t, result(pods[0]), "no result is not the result null")

	verdicts, err = w.ReportStatuses(t.Context(), []core.StatusReport{report(pods[0], core.PodRunning)})
	require.NoError(t, err)
	require.Equal(t, []string{core.VerdictAccepted}, verdicts)
	verdicts, err = w.ReportStatuses(t.Context(), nil)
	require.NoError(t, err)
	require.Empty(t, verdicts)
}

// One report that Postgres cannot store must not hold up everybody's.
func TestReportsThatCannotBeStoredHoldNobodyUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	node := fixture.Node(t, w.pool, w.dev, "n1", 10)
	pods := fixture.Pods(t, w.pool, w.pack, 6)
	w.place(t, node, pods...)
	reports := make([]core.StatusReport, len(pods))
	for i, p := range pods {
		reports[i] = core.StatusReport{NodeID: node, PodID: p, Incarnation: 1, Status: core.PodStopped, Reason: "completed"}
	}
	reports[1].Message = "binary \x00 and \xff"
	reports[2].Result = json.RawMessage(`{"nul": "\u0000"}`)
	reports[3].Result, reports[3].Message = json.RawMessage(`1e999999`), "said"
	reports[4].Reason = strings.Repeat("x", 65)
	verdicts, err := w.ReportStatuses(t.Context(), reports)
	require.NoError(t, err)
	require.Equal(t, []string{"", "", "", "", core.VerdictInvalid, ""}, verdicts)
	for _, i := range []int{0, 1, 2, 3, 5} {
		require.Equal(t, core.PodStopped, w.row(t, pods[i]).Status, i)
	}
	require.Equal(t, "binary \uFFFD and \uFFFD", w.row(t, pods[1]).Message)
	require.Equal(t, "the result cannot be stored", w.row(t, pods[2]).Message)
	require.Equal(t, "said", w.row(t, pods[3]).Message)
	require.Equal(t, core.PodScheduled, w.row(t, pods[4]).Status)
}

// Reports come in any order while the same pods are being reconciled: neither waits for the other for ever.
func TestReportsAndRegistrationsDoNotDeadlock(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	reg := registration("n1")
	node := w.register(t, w.agent, reg).NodeID
	pods := fixture.Pods(t, w.pool, w.pack, 40)
	w.place(t, node, pods...)
	var held []core.HeldPod
	for _, p := range pods {
		held = append(held, core.HeldPod{PodID: p, Incarnation: 1, Status: core.PodRunning})
	}
	var both errgroup.Group
	both.Go(func() error {
		for round := range 30 {
			var reports []core.StatusReport
			for i := range pods {
				reports = append(reports, core.StatusReport{NodeID: node, PodID: pods[(i*7+round)%len(pods)], Incarnation: 1, Status: core.PodRunning})
			}
			if _, err := w.ReportStatuses(t.Context(), reports); err != nil {
				return err
			}
		}
		return nil
	})
	both.Go(func() error {
		for range 30 {
			if _, err := w.RegisterNode(t.Context(), w.agent, registration("n1", held...)); err != nil {
				return err
			}
		}
		return nil
	})
	require.NoError(t, both.Wait())
}

func TestLogs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	pods := fixture.Pods(t, w.pool, w.pack, 2)
	at := time.Date(2026, 11, 25, 1, 2, 3, 4000, time.UTC)
	var lines []core.LogLine
	for i := range 10 {
		lines = append(lines, core.LogLine{PodID: pods[i%2], Incarnation: 1, At: at, Stream: "stdout", Text: strings.Repeat("x", i)})
	}
	lines = append(lines, core.LogLine{PodID: uuid.New(), Incarnation: 1, At: at, Stream: "stdout", Text: "nobody's"},
		core.LogLine{PodID: pods[0], Incarnation: 2, At: at, Stream: "stderr", Text: "a\x00b\xffc"})
	require.NoError(t, w.AppendLogs(t.Context(), lines), "lines of pods that are gone are dropped")
	require.NoError(t, w.AppendLogs(t.Context(), nil))
	read := func(pod uuid.UUID) []string {
		return fixture.All[string](t, w.pool, "select line from public.pod_logs where pod_id = $1 order by id", pod)
	}
	require.Equal(t, []string{"", "xx", "xxxx", "xxxxxx", "xxxxxxxx", "a\uFFFDb\uFFFDc"}, read(pods[0]))
	require.Len(t, read(pods[1]), 5)

	require.NoError(t, w.TrimLogs(t.Context(), pods[:1], 2))
	require.Equal(t, []string{"xxxxxxxx", "a\uFFFDb\uFFFDc"}, read(pods[0]))
	require.Len(t, read(pods[1]), 5, "only the pods that were named")
	require.NoError(t, w.TrimLogs(t.Context(), pods, 1<<40))
	require.Len(t, read(pods[1]), 5)
	require.NoError(t, w.TrimLogs(t.Context(), pods, -3), "nonsense in the configuration keeps nothing")
	require.Empty(t, read(pods[1]))
}

// The database is the authority on a pod's life; the mirror in core says the same of every pair.
func TestTransitionsAreTheDatabases(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	require.Len(t, core.PodStatuses, 7)
	for _, from := range core.PodStatuses {
		for _, to := range core.PodStatuses {
			allowed := fixture.One[bool](t, w.pool, "select stark.pod_transition_allowed($1, $2)", string(from), string(to))
			require.Equal(t, allowed, from.CanBecome(to), "%s → %s", from, to)
		}
	}
}
