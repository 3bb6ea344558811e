package control

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/backend/cluster"
	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/sched"
)

func TestSettingsOfScheduling(t *testing.T) {
	t.Parallel()
	plain, preempts := scheduling(cluster.Settings{}, 7)
	require.True(t, preempts)
	require.Equal(t, sched.Config{Seed: 7, Weights: sched.DefaultWeights(), NamespaceStrategy: map[string]sched.Strategy{}}, plain)

	set := map[string]json.RawMessage{"scheduler.strategy": json.RawMessage(`"mostAllocated"`), "scheduler.preemption": json.RawMessage("false"),
		"scheduler.weights.balanced": json.RawMessage("0"), "scheduler.weights.podAffinity": json.RawMessage("9"), "scheduler.weights.ownNode": json.RawMessage("-1")}
	cfg, preempts := scheduling(cluster.Settings{Config: set, Namespaces: []*core.Namespace{
		{Name: "spread", Labels: map[string]string{StrategyLabel: "leastAllocated"}}, {Name: "other", Labels: map[string]string{StrategyLabel: "fullest"}},
	}}, 7)
	require.False(t, preempts)
	require.Equal(t, sched.MostAllocated, cfg.Strategy)
	require.Equal(t, map[string]sched.Strategy{"spread": sched.LeastAllocated}, cfg.NamespaceStrategy, "what is no strategy is none")
	require.EqualValues(t, 0, cfg.Weights.Balanced)
	require.EqualValues(t, 9, cfg.Weights.PodAffinity)
	require.EqualValues(t, 1, cfg.Weights.OwnNode, "what is out of range is not taken")

	bad, preempts := scheduling(cluster.Settings{Config: map[string]json.RawMessage{"scheduler.strategy": json.RawMessage("1"), "scheduler.preemption": json.RawMessage(`"no"`)}}, 7)
	require.True(t, preempts)
	require.Equal(t, sched.LeastAllocated, bad.Strategy)
}
