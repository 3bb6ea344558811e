package control

import (
	"encoding/json"
	"math"

	"github.com/stark-o/stark/backend/cluster"
	"github.com/stark-o/stark/backend/control/celscore"
	"github.com/stark-o/stark/backend/sched"
)

// StrategyLabel on a namespace says how its pods choose among nodes, whatever scheduler.strategy says for the cluster: leastAllocated or mostAllocated.
const StrategyLabel = "scheduler.stark.dev/strategy"

// scheduling is what people have set of how pods are placed. What is not there, or is not a value that means something, is as if it had not been set: the
// database refuses it, and a cluster is not to stand still for what slipped through.
func scheduling(s cluster.Settings, seed uint64) (cfg sched.Config, preempts bool) {
	cfg = sched.Config{Seed: seed, Weights: sched.DefaultWeights(), NamespaceStrategy: map[string]sched.Strategy{}}
	cfg.Strategy, _ = strategyOf(text(s.Config["scheduler.strategy"]))
	for _, ns := range s.Namespaces {
		if strategy, known := strategyOf(ns.Labels[StrategyLabel]); known {
			cfg.NamespaceStrategy[ns.Name] = strategy
		}
	}
	w := &cfg.Weights
	for key, weight := range map[string]*int64{
		"nodeAffinity": &w.NodeAffinity, "podAffinity": &w.PodAffinity, "topologySpread": &w.TopologySpread, "preferNoSchedule": &w.PreferNoSchedule,
		"resources": &w.Resources, "balanced": &w.Balanced, "bundleCached": &w.BundleCached, "ownNode": &w.OwnNode, "custom": &w.Custom,
	} {
		var n int64
		if raw, set := s.Config["scheduler.weights."+key]; set && json.Unmarshal(raw, &n) == nil && n >= 0 && n <= math.MaxInt8 {
			*weight = n
		}
	}
	preempts = true
	if raw, set := s.Config["scheduler.preemption"]; set {
		if json.Unmarshal(raw, &preempts) != nil {
			preempts = true
		}
	}
	return cfg, preempts
}

func strategyOf(name string) (sched.Strategy, bool) {
	switch name {
	case "mostAllocated":
		return sched.MostAllocated, true
	case "leastAllocated":
		return sched.LeastAllocated, true
	}
	return sched.LeastAllocated, false
}

func text(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}

// CheckSetting refuses a value that is of the right type and means nothing: an expression that does not compile.
func CheckSetting(key string, value json.RawMessage) error {
	if key != ScoreSetting {
		return nil
	}
	_, err := celscore.Compile(text(value)) // what is no text is the database's to refuse
	return err
}
