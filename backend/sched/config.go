package sched

import "github.com/stark-o/stark/backend/core"

// MaxScore is the highest score that one scorer gives: Kubernetes' 100, in steps of 1/10,000 so that nodes which differ a little differ.
const MaxScore = 1_000_000

// Strategy says whether pods go to the emptiest or to the fullest node that can take them.
type Strategy uint8

// The strategies.
// Source: kube-scheduler NodeResourcesFitArgs.ScoringStrategy LeastAllocated and MostAllocated.
const (
	LeastAllocated Strategy = iota
	MostAllocated
)

// Weights says how much each scorer counts; zero switches it off.
type Weights struct {
	NodeAffinity     int64 `json:"nodeAffinity"`
	PodAffinity      int64 `json:"podAffinity"`
	TopologySpread   int64 `json:"topologySpread"`
	PreferNoSchedule int64 `json:"preferNoSchedule"`
	Resources        int64 `json:"resources"` // least or most allocated
	Balanced         int64 `json:"balanced"`
	BundleCached     int64 `json:"bundleCached"`
	OwnNode          int64 `json:"ownNode"`
	Custom           int64 `json:"custom"` // Config.Scorer
	// HardPodAffinity is what one required affinity term of a running pod counts for the pods that it names, beside the weights 1 to 100 of
	// preferred terms.
	HardPodAffinity int64 `json:"hardPodAffinity"`
}

// DefaultWeights are kube-scheduler's, with bundleCached in the place of ImageLocality, and ownNode added.
// Source: kube-scheduler pkg/scheduler/apis/config/v1/default_plugins.go; hardPodAffinityWeight: InterPodAffinityArgs.
func DefaultWeights() Weights {
	return Weights{NodeAffinity: 2, PodAffinity: 2, TopologySpread: 2, PreferNoSchedule: 3, Resources: 1, Balanced: 1, BundleCached: 1,
		OwnNode: 1, Custom: 1, HardPodAffinity: 1}
}

// Config is how a cluster decides. It is part of the input: another configuration is another plan.
type Config struct {
	Seed              uint64 // breaks ties between equally good nodes
	Weights           Weights
	Strategy          Strategy
	NamespaceStrategy map[string]Strategy // overrides Strategy
	Scorer            *Scorer             // nil for none
}

// Scorer is a score of somebody's own. It depends on the node itself and on the pod's namespace, not on what runs where, so it is asked once per node and
// kind of pod, and again when the node changes.
type Scorer struct {
	Key string // two scorers with the same key give the same scores
	// Of gives whole percent, 0 to 100: few distinct values, so that nodes can be kept together by them. It must be pure.
	Of func(namespace string, n *core.Node) int32
}

// limits bound what a cluster remembers. They change how long a decision takes, never the decision.
type limits struct {
	memory  int // bytes that the indexes of classes may take together, by estimate
	classes int
	statics int
	texts   int // parsed affinities and spread constraints
	log     int // changes that classes can catch up on; more when there are more nodes
	dead    int // how much that nothing refers to any more is kept at least before it is cleared away
}

func defaultLimits() limits {
	return limits{memory: 256 << 20, classes: 4096, statics: 2048, texts: 8192, log: 1024, dead: 1024}
}

// indexes is how many classes may keep an index: 24 bytes a node, and 8 for each counter with one-node domains, of which two are assumed.
func (l limits) indexes(nodes int) int { return max(2, l.memory/(40*max(1, nodes))) }

func (c Config) strategyOf(namespace string) Strategy {
	if s, ok := c.NamespaceStrategy[namespace]; ok {
		return s
	}
	return c.Strategy
}
