package sched

import (
	"bytes"
	"math"
	"slices"
	"sync"

	"github.com/Masterminds/semver/v3"
	"github.com/google/uuid"

	"github.com/stark-o/stark/backend/core"
)

// oracle answers by looking at everything every time. It keeps nothing and shares no index with Cluster: only the nouns of core, share and
// resourceScores, which have tests of their own.
type oracle struct {
	cfg        Config
	nodes      map[uuid.UUID]*core.Node
	cached     map[uuid.UUID][]string
	packs      map[uuid.UUID]*core.Pack
	namespaces map[string]*core.Namespace
	homes      map[uuid.UUID]home
}

type home struct {
	pod  *core.Pod
	node uuid.UUID
}

func newOracle(cfg Config) *oracle {
	if cfg.Weights == (Weights{}) {
		cfg.Weights = DefaultWeights()
	}
	return &oracle{cfg: cfg, nodes: map[uuid.UUID]*core.Node{}, cached: map[uuid.UUID][]string{}, packs: map[uuid.UUID]*core.Pack{},
		namespaces: map[string]*core.Namespace{}, homes: map[uuid.UUID]home{}}
}

func (o *oracle) used(node uuid.UUID) (r Resources) {
	for _, h := range o.homes {
		if h.node == node {
			r = r.plus(requestOf(h.pod))
		}
	}
	return r
}

func (o *oracle) usedBy(namespace string) (r Resources) {
	for _, h := range o.homes {
		if h.pod.Namespace == namespace {
			r = r.plus(requestOf(h.pod))
		}
	}
	return r
}

func (o *oracle) withinQuota(p *core.Pod) bool {
	ns := o.namespaces[p.Namespace]
	if ns == nil {
		return true
	}
	u := o.usedBy(p.Namespace).plus(requestOf(p))
	q := ns.Quota
	return (q.MaxPods == nil || u.Pods <= *q.MaxPods) && (q.MaxCPUMillis == nil || p.CPUMillis == 0 || u.CPUMillis <= *q.MaxCPUMillis) &&
		(q.MaxMemoryBytes == nil || p.MemoryBytes == 0 || u.MemoryBytes <= *q.MaxMemoryBytes)
}

// parsed remembers what texts say: reading JSON is all that the oracle would do otherwise.
var parsed sync.Map

func mustAffinity(p *core.Pod) core.Affinity {
	if a, ok := parsed.Load("a" + string(p.Affinity)); ok {
		return a.(core.Affinity)
	}
	a, err := core.ParseAffinity(p.Affinity)
	if err != nil {
		panic(err)
	}
	parsed.Store("a"+string(p.Affinity), a)
	return a
}

func mustSpread(p *core.Pod) []core.TopologySpreadConstraint {
	if s, ok := parsed.Load("s" + string(p.TopologySpread)); ok {
		return s.([]core.TopologySpreadConstraint)
	}
	s, err := core.ParseTopologySpread(p.TopologySpread)
	if err != nil {
		panic(err)
	}
	parsed.Store("s"+string(p.TopologySpread), s)
	return s
}

func (o *oracle) usable(p *core.Pod, n *core.Node) bool {
	pack := o.packs[p.PackID]
	if !pack.Tag.RunsOn(n.Runtime) || (n.Access == core.AccessPrivate && (n.OwnerID == uuid.Nil || n.OwnerID != p.CreatedBy)) {
		return false
	}
	if pack.MinRuntimeVersion != "" {
		have, err := semver.NewVersion(n.RuntimeVersion)
		if err != nil || have.LessThan(semver.MustParse(pack.MinRuntimeVersion)) {
			return false
		}
	}
	return true
}

func (o *oracle) labelled(p *core.Pod, n *core.Node) bool {
	for k, v := range p.NodeSelector {
		if have, ok := n.Label(k); !ok || have != v {
			return false
		}
	}
	a := mustAffinity(p)
	return a.Node == nil || a.Node.Required.Matches(n)
}

func (o *oracle) tolerated(p *core.Pod, n *core.Node) bool {
	if n.Status != core.NodeHealthy || n.Unschedulable {
		return false
	}
	for _, taint := range n.Taints {
		if taint.Effect != core.EffectPreferNoSchedule && !slices.ContainsFunc(p.Tolerations, func(t core.Toleration) bool { return t.Tolerates(taint) }) {
			return false
		}
	}
	return true
}

func (o *oracle) termMatches(owner *core.Pod, t core.PodAffinityTerm, other *core.Pod) bool {
	switch {
	case len(t.Namespaces) == 0 && t.NamespaceSelector == nil:
		if other.Namespace != owner.Namespace {
			return false
		}
	case slices.Contains(t.Namespaces, other.Namespace):
	case t.NamespaceSelector == nil:
		return false
	default:
		var labels map[string]string
		if ns := o.namespaces[other.Namespace]; ns != nil {
			labels = ns.Labels
		}
		if !t.NamespaceSelector.Matches(labels) {
			return false
		}
	}
	return t.LabelSelector.With(owner.Labels, t.MatchLabelKeys, t.MismatchLabelKeys).Matches(other.Labels)
}

func required(a *core.PodAffinityRules) []core.PodAffinityTerm {
	if a == nil {
		return nil
	}
	return a.Required
}

func preferred(a *core.PodAffinityRules) []core.WeightedPodAffinityTerm {
	if a == nil {
		return nil
	}
	return a.Preferred
}

func sameDomain(key string, a, b *core.Node) bool {
	if a == nil || b == nil {
		return false
	}
	x, okX := a.Label(key)
	y, okY := b.Label(key)
	return okX && okY && x == y
}

func (o *oracle) affinityHolds(p *core.Pod, n *core.Node) bool {
	a := mustAffinity(p)
	terms := required(a.Pod)
	matchesAll := func(other *core.Pod) bool {
		return !slices.ContainsFunc(terms, func(t core.PodAffinityTerm) bool { return !o.termMatches(p, t, other) })
	}
	anywhere := false
	for _, h := range o.homes {
		for _, t := range terms {
			if node := o.nodes[h.node]; node != nil && matchesAll(h.pod) {
				_, keyed := node.Label(t.TopologyKey)
				anywhere = anywhere || keyed
			}
		}
	}
	for _, t := range terms {
		if _, keyed := n.Label(t.TopologyKey); !keyed {
			return false
		}
		found := false
		for _, h := range o.homes {
			found = found || (matchesAll(h.pod) && sameDomain(t.TopologyKey, n, o.nodes[h.node]))
		}
		if !found && (anywhere || !matchesAll(p)) {
			return false
		}
	}
	for _, h := range o.homes {
		for _, t := range required(a.PodAnti) {
			if o.termMatches(p, t, h.pod) && sameDomain(t.TopologyKey, n, o.nodes[h.node]) {
				return false
			}
		}
		theirs := mustAffinity(h.pod)
		for _, t := range required(theirs.PodAnti) {
			if o.termMatches(h.pod, t, p) && sameDomain(t.TopologyKey, n, o.nodes[h.node]) {
				return false
			}
		}
	}
	return true
}

// domains counts matching pods in each domain of a constraint, over the nodes that count.
func (o *oracle) domains(p *core.Pod, all []core.TopologySpreadConstraint, t core.TopologySpreadConstraint) map[string]int64 {
	counts := map[string]int64{}
	selector := t.LabelSelector.With(p.Labels, t.MatchLabelKeys, nil)
	for _, n := range o.nodes {
		if !o.usable(p, n) || (t.NodeAffinityPolicy != core.PolicyIgnore && !o.labelled(p, n)) ||
			(t.NodeTaintsPolicy == core.PolicyHonor && !o.tolerated(p, n)) || !hasKeys(all, t.WhenUnsatisfiable, n) {
			continue
		}
		value, _ := n.Label(t.TopologyKey)
		counts[value] += 0
		for _, h := range o.homes {
			if h.node == n.ID && h.pod.Status != core.PodStopping && h.pod.Namespace == p.Namespace && selector.Matches(h.pod.Labels) {
				counts[value]++
			}
		}
	}
	return counts
}

func hasKeys(all []core.TopologySpreadConstraint, when core.WhenUnsatisfiable, n *core.Node) bool {
	for _, t := range all {
		if _, ok := n.Label(t.TopologyKey); t.WhenUnsatisfiable == when && !ok {
			return false
		}
	}
	return true
}

func (o *oracle) spreadHolds(p *core.Pod, n *core.Node) bool {
	all := mustSpread(p)
	for _, t := range all {
		if t.WhenUnsatisfiable != core.DoNotSchedule {
			continue
		}
		value, keyed := n.Label(t.TopologyKey)
		if !keyed {
			return false
		}
		counts := o.domains(p, all, t)
		least := int64(math.MaxInt64)
		for _, v := range counts {
			least = min(least, v)
		}
		if len(counts) == 0 || (t.MinDomains != nil && len(counts) < int(*t.MinDomains)) {
			least = 0
		}
		self := int64(0)
		if t.LabelSelector.With(p.Labels, t.MatchLabelKeys, nil).Matches(p.Labels) {
			self = 1
		}
		if counts[value]+self-least > int64(t.MaxSkew) {
			return false
		}
	}
	return true
}

func (o *oracle) feasible(p *core.Pod, n *core.Node) bool {
	return o.usable(p, n) && o.labelled(p, n) && o.tolerated(p, n) && capacityOf(n).minus(o.used(n.ID)).holds(requestOf(p)) &&
		o.spreadHolds(p, n) && o.affinityHolds(p, n)
}

type rawScore struct {
	node                             *core.Node
	affinity, taints, wished, spread int64
	ignored, cached, own             bool
	allocation, balance              int64
}

func (o *oracle) raw(p *core.Pod, n *core.Node) rawScore {
	r := rawScore{node: n, own: n.Access == core.AccessPrivate, cached: slices.Contains(o.cached[n.ID], o.packs[p.PackID].BundleSHA256)}
	a := mustAffinity(p)
	if a.Node != nil {
		for _, t := range a.Node.Preferred {
			if t.Preference.Matches(n) {
				r.affinity += int64(t.Weight)
			}
		}
	}
	for _, taint := range n.Taints {
		if taint.Effect == core.EffectPreferNoSchedule && !slices.ContainsFunc(p.Tolerations, func(t core.Toleration) bool { return t.Tolerates(taint) }) {
			r.taints++
		}
	}
	for _, h := range o.homes {
		r.wished += o.wishes(p, n, h)
	}
	all := mustSpread(p)
	for _, t := range all {
		if t.WhenUnsatisfiable != core.ScheduleAnyway {
			continue
		}
		counts := o.domains(p, all, t)
		value, _ := n.Label(t.TopologyKey)
		weight := int64(math.Round(1024 * math.Log(float64(len(counts)+2))))
		r.spread += counts[value]*weight + int64(t.MaxSkew-1)*1024
	}
	r.ignored = !hasKeys(all, core.ScheduleAnyway, n)
	used, need, capacity := o.used(n.ID), requestOf(p), capacityOf(n)
	cpu := share(used.CPUMillis, capacity.CPUMillis) + share(need.CPUMillis, capacity.CPUMillis)
	memory := share(used.MemoryBytes, capacity.MemoryBytes) + share(need.MemoryBytes, capacity.MemoryBytes)
	r.allocation, r.balance = resourceScores(o.cfg.strategyOf(p.Namespace), p.CPUMillis == 0 && p.MemoryBytes == 0, cpu, memory)
	return r
}

func (o *oracle) wishes(p *core.Pod, n *core.Node, h home) (sum int64) {
	a, theirs := mustAffinity(p), mustAffinity(h.pod)
	add := func(owner *core.Pod, t core.PodAffinityTerm, other *core.Pod, weight int64) {
		if o.termMatches(owner, t, other) && sameDomain(t.TopologyKey, n, o.nodes[h.node]) {
			sum += weight
		}
	}
	for _, w := range preferred(a.Pod) {
		add(p, w.Term, h.pod, int64(w.Weight))
	}
	for _, w := range preferred(a.PodAnti) {
		add(p, w.Term, h.pod, -int64(w.Weight))
	}
	for _, w := range preferred(theirs.Pod) {
		add(h.pod, w.Term, p, int64(w.Weight))
	}
	for _, w := range preferred(theirs.PodAnti) {
		add(h.pod, w.Term, p, -int64(w.Weight))
	}
	for _, t := range required(theirs.Pod) {
		add(h.pod, t, p, o.cfg.Weights.HardPodAffinity)
	}
	return sum
}

// best is the feasible node with the highest score, or nil; all has the total of each feasible node.
func (o *oracle) best(p *core.Pod) (best *core.Node, all map[uuid.UUID]int64) {
	var raws []rawScore
	for _, n := range o.nodes {
		if o.feasible(p, n) {
			raws = append(raws, o.raw(p, n))
		}
	}
	if len(raws) == 0 {
		return nil, nil
	}
	highest := func(of func(r rawScore) int64) int64 { return of(slices.MaxFunc(raws, by(of))) }
	lowest := func(of func(r rawScore) int64) int64 { return of(slices.MinFunc(raws, by(of))) }
	affinity, taints := highest(func(r rawScore) int64 { return r.affinity }), highest(func(r rawScore) int64 { return r.taints })
	wishedHigh, wishedLow := highest(func(r rawScore) int64 { return r.wished }), lowest(func(r rawScore) int64 { return r.wished })
	spreadHigh, spreadLow := int64(0), int64(math.MaxInt64)
	for _, r := range raws {
		if !r.ignored {
			spreadHigh, spreadLow = max(spreadHigh, r.spread), min(spreadLow, r.spread)
		}
	}
	soft := slices.ContainsFunc(mustSpread(p), func(t core.TopologySpreadConstraint) bool { return t.WhenUnsatisfiable == core.ScheduleAnyway })
	w := o.cfg.Weights
	all = map[uuid.UUID]int64{}
	for _, r := range raws {
		total := w.Resources*r.allocation + w.Balanced*r.balance
		if affinity > 0 {
			total += w.NodeAffinity * (r.affinity * MaxScore / affinity)
		}
		if taints > 0 {
			total += w.PreferNoSchedule * (MaxScore - r.taints*MaxScore/taints)
		} else {
			total += w.PreferNoSchedule * MaxScore
		}
		if wishedHigh > wishedLow {
			total += w.PodAffinity * ((r.wished - wishedLow) * MaxScore / (wishedHigh - wishedLow))
		}
		if soft && !r.ignored {
			if spreadHigh > 0 {
				total += w.TopologySpread * ((spreadHigh + spreadLow - r.spread) * MaxScore / spreadHigh)
			} else {
				total += w.TopologySpread * MaxScore
			}
		}
		if r.cached {
			total += w.BundleCached * MaxScore
		}
		if r.own {
			total += w.OwnNode * MaxScore
		}
		if o.cfg.Scorer != nil {
			total += w.Custom * int64(o.cfg.Scorer.Of(p.Namespace, r.node)) * (MaxScore / 100)
		}
		all[r.node.ID] = total
		if best == nil || total > all[best.ID] || (total == all[best.ID] && o.before(r.node.ID, best.ID)) {
			best = r.node
		}
	}
	return best, all
}

func (o *oracle) before(a, b uuid.UUID) bool {
	x, y := tieBreak(o.cfg.Seed, a), tieBreak(o.cfg.Seed, b)
	return x > y || (x == y && bytes.Compare(a[:], b[:]) < 0)
}

func by(of func(r rawScore) int64) func(a, b rawScore) int {
	return func(a, b rawScore) int { return int(min(1, max(-1, of(a)-of(b)))) }
}
