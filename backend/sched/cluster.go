package sched

import (
	"maps"

	"github.com/google/uuid"

	"github.com/stark-o/stark/backend/core"
)

// Cluster is what the scheduler knows, indexed for deciding and kept across rounds: changes go in at the cost of what changed, plans come
// out of Decide. It is a value of its inputs: two clusters that were told the same end state decide the same, however they got there.
//
// It is not safe for concurrent use: one goroutine owns it. Nodes, pods and packs that it is given must not change any more.
type Cluster struct {
	cfg        Config
	limits     limits
	slots      map[uuid.UUID]int32 // node → slot
	vacant     []int32             // slots that nothing uses
	nodes      []nodeState         // by slot
	loads      []load              // by slot: what the inner loop reads
	ties       []uint32            // by slot
	profileOf  []int32             // by slot; absent for a node that is not known
	capacities []Resources         // distinct capacities; load.capacity numbers them
	capacityOf map[Resources]int32
	known      int // nodes that are there
	profiles   []profile
	profileIDs map[string]int32
	columns    map[string]*column // by label key, for the keys that were asked for
	packs      map[uuid.UUID]*core.Pack
	namespaces map[string]*namespace
	pods       map[uuid.UUID]*placed
	nominated  map[uuid.UUID]*placed // of those, the ones that wait for room to be made
	groups     []*podGroup
	groupIDs   map[string]int32
	groupsWith map[string][]int32 // by pivot: groups that have this label
	deadGroups int
	symmetric  []int32 // groups whose own terms bear on other pods, in order of appearance
	gangs      map[gangKey]int
	cachedOn   map[string]int    // bundle digest → nodes that hold it
	privateOf  map[uuid.UUID]int // user → private nodes of theirs
	log        changeLog[change]
	nodeLog    changeLog[int32] // slots whose node changed in more than its load
	structure  uint64           // grows with each entry of nodeLog and with what else makes domains differ
	affinities map[string]*parsedAffinity
	spreads    map[string]*parsedSpread
	statics    map[string]*static
	classes    map[string]*class
	indexed    []*class // those with an index
	choices    []choice // scratch
	frontier   []int32  // scratch
	tick       uint64   // of lookups, to forget what was not used for long
	serial     uint64
	events     events
	undo       []undo
	recording  int
	scratch    []byte
	keys       []string
}

// nodeState is a node and what is on it. The node is nil while pods have their home on one that is not known, yet or any more.
type nodeState struct {
	id       uuid.UUID
	node     *core.Node
	capacity Resources
	used     Resources
	pods     []resident
	sorted   bool  // pods are in the order of the queue: the most important first
	lowest   int32 // priority among pods
	leaving  int32 // pods that are on their way out
	cached   map[string]struct{}
}

// load is the part of a node that changes with every placement, packed for scanning.
type load struct {
	freeCPU, freeMemory   int64
	cpuShare, memoryShare int32 // taken, 0 to MaxScore
	freePods              int32
	capacity              int32 // index into Cluster.capacities
}

// resident is what preemption asks of a pod on a node, side by side so that looking through all nodes stays within a few cache lines each.
type resident struct {
	*placed
	cpu, memory int64
	priority    int32
	fixed       bool // leaving already, or only nominated
	gone        bool // leaving already
}

// placed is a pod at home on a node, or nominated to be.
type placed struct {
	pod       *core.Pod
	slot      int32
	group     int32
	at        int32 // index in the node's pods
	leaving   bool  // stopping, or about to
	nominated bool
}

type namespace struct {
	labels map[string]string
	quota  core.Quota
	used   Resources
}

type gangKey struct{ namespace, name string }

// NewCluster returns an empty cluster. Zero weights mean DefaultWeights.
func NewCluster(cfg Config) *Cluster {
	if cfg.Weights == (Weights{}) {
		cfg.Weights = DefaultWeights()
	}
	return &Cluster{
		cfg: cfg, limits: defaultLimits(), slots: map[uuid.UUID]int32{}, capacityOf: map[Resources]int32{}, profileIDs: map[string]int32{},
		columns: map[string]*column{}, packs: map[uuid.UUID]*core.Pack{}, namespaces: map[string]*namespace{},
		pods: map[uuid.UUID]*placed{}, nominated: map[uuid.UUID]*placed{}, groupIDs: map[string]int32{}, groupsWith: map[string][]int32{}, gangs: map[gangKey]int{},
		cachedOn: map[string]int{}, privateOf: map[uuid.UUID]int{}, affinities: map[string]*parsedAffinity{},
		spreads: map[string]*parsedSpread{}, statics: map[string]*static{}, classes: map[string]*class{},
	}
}

// Configure changes how the cluster decides from now on.
func (c *Cluster) Configure(cfg Config) {
	if cfg.Weights == (Weights{}) {
		cfg.Weights = DefaultWeights()
	}
	if cfg.Seed != c.cfg.Seed {
		for slot := range c.nodes {
			c.ties[slot] = tieBreak(cfg.Seed, c.nodes[slot].id)
		}
	}
	c.cfg = cfg
	c.forgetIndexes()
}

// UpsertNode takes in a node's new state.
func (c *Cluster) UpsertNode(n *core.Node) {
	slot := c.slotOf(n.ID)
	state := &c.nodes[slot]
	old := state.node
	c.record(undo{kind: undoNode, id: n.ID, node: old})
	state.node = n
	profile := c.profileID(n)
	same := old != nil && profile == c.profileOf[slot] && old.Name == n.Name && maps.Equal(old.Labels, n.Labels)
	if capacity := capacityOf(n); old == nil || capacity != state.capacity {
		state.capacity = capacity
		same = same && !c.hasScorer() // which may go by it
		c.reload(slot)
		c.touch(slot, noGroup, 0)
		c.events[nodesChanged]++
	}
	if same {
		return
	}
	c.events[nodesChanged]++
	if old == nil {
		c.known++
	}
	c.countPrivate(old, -1)
	c.countPrivate(n, 1)
	c.setProfile(slot, profile)
	c.restructure(slot)
}

// RemoveNode forgets a node. Pods that have their home there keep it until they are removed or placed elsewhere.
func (c *Cluster) RemoveNode(id uuid.UUID) {
	slot, ok := c.slots[id]
	if !ok || c.nodes[slot].node == nil {
		return
	}
	state := &c.nodes[slot]
	c.record(undo{kind: undoNode, id: id, node: state.node})
	c.countPrivate(state.node, -1)
	for digest := range state.cached {
		c.countCached(digest, -1)
	}
	state.node, state.cached, state.capacity = nil, nil, Resources{}
	c.setProfile(slot, absent)
	c.known--
	c.events[nodesChanged]++ // domains that are no more
	c.reload(slot)
	c.touch(slot, noGroup, 0)
	c.restructure(slot)
	c.vacate(slot)
}

// SetCached says which bundles, by sha256, a node holds already. An unknown node is ignored.
func (c *Cluster) SetCached(node uuid.UUID, digests []string) {
	slot, ok := c.slots[node]
	if !ok || c.nodes[slot].node == nil {
		return
	}
	held := make(map[string]struct{}, len(digests))
	for _, d := range digests {
		held[d] = struct{}{}
	}
	state := &c.nodes[slot]
	if maps.Equal(held, state.cached) {
		return
	}
	for d := range state.cached {
		c.countCached(d, -1)
	}
	for d := range held {
		c.countCached(d, 1)
	}
	state.cached = held
	c.restructure(slot)
}

// UpsertPack takes in a pack.
func (c *Cluster) UpsertPack(p *core.Pack) {
	c.packs[p.ID] = p
	c.events[packsChanged]++
}

// RemovePack forgets a pack: its pods cannot be placed any more.
func (c *Cluster) RemovePack(id uuid.UUID) { delete(c.packs, id) }

// UpsertNamespace takes in a namespace's labels and quota.
func (c *Cluster) UpsertNamespace(n *core.Namespace) {
	ns := c.namespace(n.Name)
	if !maps.Equal(ns.labels, n.Labels) {
		c.structure++ // namespace selectors
	}
	ns.labels, ns.quota = n.Labels, n.Quota
	c.events[namespacesChanged]++
}

// RemoveNamespace forgets labels and quota. What its pods take is still counted.
func (c *Cluster) RemoveNamespace(name string) {
	c.UpsertNamespace(&core.Namespace{Name: name})
	if ns := c.namespaces[name]; ns.used == (Resources{}) {
		delete(c.namespaces, name)
	}
}

func (c *Cluster) namespace(name string) *namespace {
	ns := c.namespaces[name]
	if ns == nil {
		ns = &namespace{}
		c.namespaces[name] = ns
	}
	return ns
}

// Nodes is how many nodes are known.
func (c *Cluster) Nodes() int { return c.known }

// Pods is how many pods have a home, nominated ones included.
func (c *Cluster) Pods() int { return len(c.pods) }

// Home returns where a pod is placed; ok is false for one that is not, or is only nominated.
func (c *Cluster) Home(pod uuid.UUID) (node uuid.UUID, ok bool) {
	p := c.pods[pod]
	if p == nil || p.nominated {
		return uuid.Nil, false
	}
	return c.nodes[p.slot].id, true
}

// slotOf returns a node's slot, taking a new one for a node that has none.
func (c *Cluster) slotOf(id uuid.UUID) int32 {
	if slot, ok := c.slots[id]; ok {
		return slot
	}
	var slot int32
	if n := len(c.vacant); n > 0 {
		slot = c.vacant[n-1]
		c.vacant = c.vacant[:n-1]
	} else {
		slot = int32(len(c.nodes))
		c.nodes = append(c.nodes, nodeState{})
		c.loads = append(c.loads, load{})
		c.ties = append(c.ties, 0)
		c.profileOf = append(c.profileOf, absent)
		for _, col := range c.columns {
			col.set(slot, nil)
		}
	}
	c.slots[id] = slot
	c.nodes[slot] = nodeState{id: id}
	c.ties[slot] = tieBreak(c.cfg.Seed, id)
	c.reload(slot)
	return slot
}

// vacate frees the slot of a node that is neither known nor has pods.
func (c *Cluster) vacate(slot int32) {
	state := &c.nodes[slot]
	if state.node != nil || len(state.pods) > 0 {
		return
	}
	delete(c.slots, state.id)
	*state = nodeState{}
	c.vacant = append(c.vacant, slot)
}

// restructure notes that a slot's node differs in more than its load.
func (c *Cluster) restructure(slot int32) {
	node := c.nodes[slot].node
	for _, col := range c.columns {
		col.set(slot, node)
	}
	c.structure++
	c.nodeLog.add(slot, max(c.limits.log, len(c.nodes)))
}

func (c *Cluster) setProfile(slot, profile int32) {
	if old := c.profileOf[slot]; old != absent {
		c.profiles[old].slots.put(slot, false)
	}
	if c.profileOf[slot] = profile; profile != absent {
		c.profiles[profile].slots.put(slot, true)
	}
}

func (c *Cluster) countPrivate(n *core.Node, by int) {
	if n == nil || n.Access == core.AccessShared {
		return
	}
	if c.privateOf[n.OwnerID] += by; c.privateOf[n.OwnerID] == 0 {
		delete(c.privateOf, n.OwnerID)
	}
}

func (c *Cluster) countCached(digest string, by int) {
	if c.cachedOn[digest] += by; c.cachedOn[digest] == 0 {
		delete(c.cachedOn, digest)
	}
}

// reload recomputes what the inner loop reads of a node.
func (c *Cluster) reload(slot int32) {
	state := &c.nodes[slot]
	free := state.capacity.minus(state.used)
	id, known := c.capacityOf[state.capacity]
	if !known {
		id = int32(len(c.capacities))
		c.capacities = append(c.capacities, state.capacity)
		c.capacityOf[state.capacity] = id
	}
	c.loads[slot] = load{
		freeCPU: free.CPUMillis, freeMemory: free.MemoryBytes, freePods: int32(free.Pods), capacity: id,
		cpuShare:    share(state.used.CPUMillis, state.capacity.CPUMillis),
		memoryShare: share(state.used.MemoryBytes, state.capacity.MemoryBytes),
	}
}

func (c *Cluster) free(slot int32) Resources {
	return c.nodes[slot].capacity.minus(c.nodes[slot].used)
}

// tieBreak is FNV-1a over seed and id, mixed by murmur3's finaliser: stable across processes, unlike maphash.
func tieBreak(seed uint64, id uuid.UUID) uint32 {
	h := uint64(14695981039346656037)
	for i := range 8 {
		h = (h ^ (seed >> (8 * i) & 0xff)) * 1099511628211
	}
	for _, b := range id {
		h = (h ^ uint64(b)) * 1099511628211
	}
	h = (h ^ h>>33) * 0xff51afd7ed558ccd
	h = (h ^ h>>33) * 0xc4ceb9fe1a85ec53
	return uint32(h >> 32)
}
