package sched

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/stark-o/stark/backend/core"
)

// machine drives a Cluster and an oracle with the same random changes and holds every decision of the one against the other.
type machine struct {
	cluster *Cluster
	oracle  *oracle
	size    int // nodes that there may be
	next    int
	specs   []*core.Pod // drawn before: most pods are like others
}

var (
	users = []uuid.UUID{id('u', 1), id('u', 2)}
	packs = []*core.Pack{
		{ID: id('k', 1), Tag: core.TagNode, BundleSHA256: "d1"},
		{ID: id('k', 2), Tag: core.TagUniversal, BundleSHA256: "d2"},
		{ID: id('k', 3), Tag: core.TagNode, BundleSHA256: "d3", MinRuntimeVersion: "22.0.0"},
	}
	spaces = []string{"default", "team-a", "team-b"}
)

func newMachine(t *rapid.T) *machine {
	cfg := Config{Seed: rapid.Uint64().Draw(t, "seed"), NamespaceStrategy: map[string]Strategy{"team-b": MostAllocated}}
	if rapid.Bool().Draw(t, "custom score") {
		cfg.Scorer = &Scorer{Key: "some", Of: func(namespace string, n *core.Node) int32 {
			return int32((int64(len(namespace))*7 + int64(len(n.Labels))*31 + n.CPUMillis/100 + int64(n.ID[15])*13) % 101)
		}}
	}
	m := &machine{size: 12, cluster: NewCluster(cfg), oracle: newOracle(cfg)}
	if pick(t, "forgetful", false, true) {
		m.cluster.limits = limits{classes: 4, statics: 3, texts: 2, log: 4, dead: 4}
	}
	for _, p := range packs {
		m.cluster.UpsertPack(p)
		m.oracle.packs[p.ID] = p
	}
	return m
}

func pick[T any](t *rapid.T, label string, from ...T) T {
	return rapid.SampledFrom(from).Draw(t, label)
}

func (m *machine) drawNodeID(t *rapid.T) int { return rapid.IntRange(1, m.size).Draw(t, "node") }

func drawNode(t *rapid.T, id int) *core.Node {
	n := someNode(id)
	n.Runtime = pick(t, "runtime", core.RuntimeNode, core.RuntimeNode, core.RuntimeNode, core.RuntimeBrowser)
	n.RuntimeVersion = pick(t, "version", "v22.11.0", "v22.11.0", "v20.1.0", "unknown")
	n.Status = pick(t, "status", core.NodeHealthy, core.NodeHealthy, core.NodeHealthy, core.NodeUnknown)
	n.Unschedulable = pick(t, "cordon", false, false, false, true)
	if pick(t, "private", false, false, true) {
		n.Access, n.OwnerID = core.AccessPrivate, pick(t, "owner", users...)
	}
	n.Labels = map[string]string{}
	if zone := pick(t, "zone", "", "a", "b", "c"); zone != "" {
		n.Labels["zone"] = zone
	}
	if disk := pick(t, "disk", "", "ssd", "hdd", "7"); disk != "" {
		n.Labels["disk"] = disk
	}
	if taint := pick(t, "taint", core.Taint{}, core.Taint{}, core.Taint{Key: "gpu", Value: "yes", Effect: core.EffectNoSchedule},
		core.Taint{Key: "old", Effect: core.EffectPreferNoSchedule}); taint.Key != "" {
		n.Taints = []core.Taint{taint}
	}
	n.CPUMillis = pick[int64](t, "cpu", 1000, 2000, 4000)
	n.MemoryBytes = pick(t, "memory", gi, 2*gi)
	n.MaxPods = pick[int32](t, "pods", 3, 5, 110)
	return n
}

func drawTerm(t *rapid.T, label string) string {
	selector := pick(t, label+" selector", `{"matchLabels":{"app":"x"}}`, `{"matchLabels":{"app":"y"}}`, `{}`,
		`{"matchExpressions":[{"key":"app","operator":"NotIn","values":["x"]}]}`)
	more := pick(t, label+" namespaces", "", "", `,"namespaces":["team-a"]`, `,"namespaceSelector":{"matchLabels":{"tier":"gold"}}`,
		`,"matchLabelKeys":["app"]`)
	key := pick(t, label+" key", "zone", "kubernetes.io/hostname", "disk")
	return fmt.Sprintf(`{"labelSelector":%s,"topologyKey":%q%s}`, selector, key, more)
}

func drawRules(t *rapid.T, label string) string {
	rules := map[string]json.RawMessage{}
	if pick(t, label+" required", false, true) {
		rules["requiredDuringSchedulingIgnoredDuringExecution"] = json.RawMessage("[" + drawTerm(t, label) + "]")
	} else {
		rules["preferredDuringSchedulingIgnoredDuringExecution"] = json.RawMessage(fmt.Sprintf(`[{"weight":%d,"podAffinityTerm":%s}]`,
			rapid.IntRange(1, 100).Draw(t, label+" weight"), drawTerm(t, label)))
	}
	raw, _ := json.Marshal(rules)
	return string(raw)
}

func drawAffinity(t *rapid.T) json.RawMessage {
	parts := map[string]json.RawMessage{}
	switch pick(t, "node affinity", 0, 0, 1, 2) {
	case 1:
		parts["nodeAffinity"] = json.RawMessage(`{"requiredDuringSchedulingIgnoredDuringExecution":{"nodeSelectorTerms":[` +
			pick(t, "terms", `{"matchExpressions":[{"key":"zone","operator":"In","values":["a","b"]}]}`,
				`{"matchExpressions":[{"key":"disk","operator":"Gt","values":["5"]}]},{"matchExpressions":[{"key":"zone","operator":"Exists"}]}`,
				`{"matchExpressions":[{"key":"disk","operator":"NotIn","values":["hdd"]},{"key":"zone","operator":"DoesNotExist"}]}`,
				`{"matchExpressions":[{"key":"kubernetes.io/hostname","operator":"NotIn","values":["node-1","node-70"]}]}`,
				`{"matchFields":[{"key":"metadata.name","operator":"NotIn","values":["node-1"]}]}`, `{}`) + `]}}`)
	case 2:
		parts["nodeAffinity"] = json.RawMessage(`{"preferredDuringSchedulingIgnoredDuringExecution":[{"weight":10,"preference":
			{"matchExpressions":[{"key":"zone","operator":"In","values":["a"]}]}},{"weight":3,"preference":{"matchExpressions":[{"key":"disk","operator":"Exists"}]}}]}`)
	}
	if pick(t, "pod affinity", false, false, true) {
		parts["podAffinity"] = json.RawMessage(drawRules(t, "towards"))
	}
	if pick(t, "pod anti-affinity", false, false, true) {
		parts["podAntiAffinity"] = json.RawMessage(drawRules(t, "away"))
	}
	raw, _ := json.Marshal(parts)
	return raw
}

func drawSpread(t *rapid.T) json.RawMessage {
	var constraints []string
	for i := range pick(t, "constraints", 0, 0, 1, 2) {
		label := fmt.Sprintf("spread %d ", i)
		when := pick(t, label+"when", "DoNotSchedule", "ScheduleAnyway")
		more := pick(t, label+"policies", "", `,"nodeAffinityPolicy":"Ignore"`, `,"nodeTaintsPolicy":"Honor"`)
		if when == "DoNotSchedule" {
			more += pick(t, label+"domains", "", "", `,"minDomains":3`)
		}
		constraints = append(constraints, fmt.Sprintf(`{"maxSkew":%d,"topologyKey":%q,"whenUnsatisfiable":%q,"labelSelector":%s%s}`,
			rapid.IntRange(1, 2).Draw(t, label+"skew"), pick(t, label+"key", "zone", "kubernetes.io/hostname", "disk"), when,
			pick(t, label+"selector", `{"matchLabels":{"app":"x"}}`, `{}`), more))
	}
	if constraints == nil {
		return nil
	}
	return json.RawMessage("[" + strings.Join(constraints, ",") + "]")
}

func (m *machine) drawPod(t *rapid.T) *core.Pod {
	m.next++
	p := somePod(m.next)
	if len(m.specs) > 0 && pick(t, "known spec", true, true, false) {
		twin := *rapid.SampledFrom(m.specs).Draw(t, "spec")
		twin.ID, twin.Name, twin.CreatedAt = p.ID, p.Name, p.CreatedAt
		return &twin
	}
	defer func() { m.specs = append(m.specs, p) }()
	p.Namespace = pick(t, "namespace", spaces...)
	p.PackID = pick(t, "pack", packs...).ID
	p.CPUMillis = pick[int64](t, "pod cpu", 0, 100, 300, 300, 1500)
	p.MemoryBytes = pick(t, "pod memory", 0, 64*mi, 200*mi, 900*mi)
	p.Priority = pick[int32](t, "priority", 0, 0, 10)
	p.CreatedBy = pick(t, "creator", users...)
	p.Labels = map[string]string{"app": pick(t, "app", "x", "y", "z")}
	if pick(t, "selector", false, false, false, true) {
		p.NodeSelector = map[string]string{"disk": "ssd"}
	}
	if pick(t, "tolerates", false, true) {
		p.Tolerations = []core.Toleration{{Key: "gpu", Operator: "Exists"}}
	}
	if pick(t, "related", false, true) {
		p.Affinity, p.TopologySpread = drawAffinity(t), drawSpread(t)
	}
	return p
}

func (m *machine) upsertNode(t *rapid.T) {
	n := drawNode(t, m.drawNodeID(t))
	m.cluster.UpsertNode(n)
	m.oracle.nodes[n.ID] = n
}

func (m *machine) removeNode(t *rapid.T) {
	n := nodeID(m.drawNodeID(t))
	m.cluster.RemoveNode(n)
	delete(m.oracle.nodes, n)
	delete(m.oracle.cached, n)
}

// replaceNode puts another node like the first in its place at once.
func (m *machine) replaceNode(t *rapid.T) {
	gone, came := nodeID(m.drawNodeID(t)), nodeID(m.drawNodeID(t))
	old := m.oracle.nodes[gone]
	if old == nil || m.oracle.nodes[came] != nil {
		return
	}
	n := *old
	n.ID, n.Name = came, "node-"+fmt.Sprint(came[15])
	m.cluster.RemoveNode(gone)
	delete(m.oracle.nodes, gone)
	delete(m.oracle.cached, gone)
	m.cluster.UpsertNode(&n)
	m.oracle.nodes[came] = &n
}

func (m *machine) cache(t *rapid.T) {
	n := nodeID(m.drawNodeID(t))
	if m.oracle.nodes[n] == nil {
		return
	}
	held := rapid.SliceOfDistinct(rapid.SampledFrom([]string{"d1", "d2", "d3"}), rapid.ID).Draw(t, "held")
	m.cluster.SetCached(n, held)
	m.oracle.cached[n] = held
}

func (m *machine) upsertNamespace(t *rapid.T) {
	ns := &core.Namespace{Name: pick(t, "namespace", spaces...), Labels: map[string]string{"tier": pick(t, "tier", "gold", "tin")}}
	if pick(t, "quota", false, true) {
		pods, cpu := rapid.Int64Range(1, 8).Draw(t, "max pods"), rapid.Int64Range(100, 3000).Draw(t, "max cpu")
		ns.Quota = core.Quota{MaxPods: &pods, MaxCPUMillis: &cpu}
	}
	m.cluster.UpsertNamespace(ns)
	m.oracle.namespaces[ns.Name] = ns
}

// anyHome draws a pod that has a home.
func (m *machine) anyHome(t *rapid.T) (uuid.UUID, bool) {
	ids := make([]uuid.UUID, 0, len(m.oracle.homes))
	for id := range m.oracle.homes {
		ids = append(ids, id)
	}
	if len(ids) == 0 {
		return uuid.Nil, false
	}
	slices.SortFunc(ids, func(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) })
	return rapid.SampledFrom(ids).Draw(t, "pod"), true
}

func (m *machine) removePod(t *rapid.T) {
	if id, ok := m.anyHome(t); ok {
		m.cluster.Remove(id)
		delete(m.oracle.homes, id)
	}
}

func (m *machine) stopPod(t *rapid.T) {
	if id, ok := m.anyHome(t); ok {
		h := m.oracle.homes[id]
		stopping := *h.pod
		stopping.Status = core.PodStopping
		m.cluster.Place(&stopping, h.node)
		m.oracle.homes[id] = home{&stopping, h.node}
	}
}

// placeElsewhere is the feed's word, which need not agree with any plan: on any node, known or not.
func (m *machine) placeElsewhere(t *rapid.T) {
	p := m.drawPod(t)
	if id, ok := m.anyHome(t); ok && pick(t, "move", false, true) {
		p = m.oracle.homes[id].pod
	}
	node := nodeID(1 + m.drawNodeID(t))
	m.cluster.Place(p, node)
	m.oracle.homes[p.ID] = home{p, node}
}

func (m *machine) decide(t *rapid.T) {
	var pods []*core.Pod
	for range rapid.IntRange(1, 4).Draw(t, "specs") {
		p := m.drawPod(t)
		for range rapid.IntRange(1, 4).Draw(t, "copies") {
			m.next++
			twin := *p
			twin.ID, twin.CreatedAt = podID(m.next), somePod(m.next).CreatedAt
			pods = append(pods, &twin)
		}
	}
	dry := m.cluster.Decide(pods, Options{NoPreemption: true, DryRun: true})
	plan := m.cluster.Decide(pods, Options{NoPreemption: true})
	if fmt.Sprint(dry) != fmt.Sprint(plan) {
		t.Fatalf("the dry run said\n%v\nand then happened\n%v", dry, plan)
	}
	m.check(t, pods, plan)
}

func (m *machine) check(t *rapid.T, pods []*core.Pod, plan Plan) {
	planned := map[uuid.UUID]uuid.UUID{}
	for _, p := range plan.Placements {
		planned[p.PodID] = p.NodeID
	}
	if len(plan.Placements)+len(plan.Unschedulable)+plan.Deferred != len(pods) {
		t.Fatalf("%d pods, %d placed, %d not, %d deferred", len(pods), len(plan.Placements), len(plan.Unschedulable), plan.Deferred)
	}
	queue := slices.Clone(pods)
	slices.SortFunc(queue, comparePods)
	for _, p := range queue {
		node, placed := planned[p.ID]
		if !m.oracle.withinQuota(p) {
			if placed {
				t.Fatalf("pod %s exceeds the quota of %s", p.Name, p.Namespace)
			}
			continue
		}
		best, scores := m.oracle.best(p)
		switch {
		case best == nil && placed:
			t.Fatalf("pod %s is on %s, where it cannot be", p.Name, node)
		case best != nil && !placed:
			t.Fatalf("pod %s has no place but could be on %s", p.Name, best.Name)
		case best != nil && best.ID != node:
			score, ok := scores[node]
			t.Fatalf("pod %s is on %s (feasible %t, score %d), but %s has %d", p.Name, node, ok, score, best.ID, scores[best.ID])
		}
		if placed {
			m.oracle.homes[p.ID] = home{p, node}
		}
	}
}

// rebuilt is a cluster that was told only the end state.
func (m *machine) rebuilt() *Cluster {
	c := NewCluster(m.oracle.cfg)
	for _, h := range m.oracle.homes {
		c.Place(h.pod, h.node)
	}
	for _, n := range m.oracle.nodes {
		c.UpsertNode(n)
	}
	for id, held := range m.oracle.cached {
		c.SetCached(id, held)
	}
	for _, ns := range m.oracle.namespaces {
		c.UpsertNamespace(ns)
	}
	for _, p := range packs {
		c.UpsertPack(p)
	}
	return c
}

func (m *machine) sameAsRebuilt(t *rapid.T) {
	var pods []*core.Pod
	for range rapid.IntRange(1, 3).Draw(t, "pods") {
		pods = append(pods, m.drawPod(t))
	}
	have := m.cluster.Decide(pods, Options{DryRun: true})
	want := m.rebuilt().Decide(pods, Options{DryRun: true})
	if fmt.Sprint(have) != fmt.Sprint(want) {
		t.Fatalf("kept across changes:\n%v\nbuilt anew:\n%v", have, want)
	}
}

// Any interleaving of changes and decisions: never an infeasible placement, never over capacity or quota, always the highest score, dry run
// equal to what then happens, and the kept index equal to one built from the end state.
func TestClusterAgreesWithOracle(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := newMachine(t)
		for range rapid.IntRange(1, 8).Draw(t, "first nodes") {
			m.upsertNode(t)
		}
		t.Repeat(map[string]func(*rapid.T){
			"upsert node": m.upsertNode, "remove node": m.removeNode, "replace node": m.replaceNode, "cache": m.cache, "namespace": m.upsertNamespace,
			"remove pod": m.removePod, "stop pod": m.stopPod, "place": m.placeElsewhere, "decide": m.decide, "decide again": m.decide,
			"rebuild": m.sameAsRebuilt,
		})
	})
}

// The same with more nodes than fit into two words of a bitset, and more hosts than a column keeps sets for.
func TestLargeClusterAgreesWithOracle(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := newMachine(t)
		m.size = 160
		zones, disks := []string{"a", "b", "c"}, []string{"ssd", "hdd", "7"}
		for i := range rapid.IntRange(60, 150).Draw(t, "first nodes") {
			n := someNode(i+1, labelled("zone", zones[i%3], "disk", disks[i/3%3]), func(n *core.Node) { n.CPUMillis = 500 + int64(i%5)*500 })
			m.cluster.UpsertNode(n)
			m.oracle.nodes[n.ID] = n
		}
		for range rapid.IntRange(1, 3).Draw(t, "steps") {
			pick(t, "step", m.upsertNode, m.removeNode, m.replaceNode, m.cache, m.removePod, m.placeElsewhere, m.decide)(t)
			m.decide(t)
		}
		m.sameAsRebuilt(t)
	})
}
