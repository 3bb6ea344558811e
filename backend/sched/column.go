package sched

import "github.com/stark-o/stark/backend/core"

// column is one node label as a dictionary: each distinct value has a number, each slot the number of its value. It answers "which nodes
// have zone a or b" with one test per distinct value and one array read per node, and it is the topology of that key: a value is a domain.
type column struct {
	key    string
	ids    map[string]int32
	values []string
	of     []int32  // by slot; absent where the node lacks the label
	nodes  []int32  // by value: how many nodes have it
	sets   []bitset // by value: the slots that have it; nil once there are too many values for that to pay
	has    bitset   // slots that have any value
	live   int      // values that at least one node has
	keyed  int      // nodes that have the label
}

// setValues is how many values a column may have to keep a bitset of each.
const setValues = 128

const absent = int32(-1)

func newColumn(key string, nodes []nodeState) *column {
	c := &column{key: key, ids: map[string]int32{}, of: make([]int32, 0, len(nodes)), sets: []bitset{}}
	for slot := range nodes {
		c.set(int32(slot), nodes[slot].node)
	}
	return c
}

// set takes in a slot's node, which may be nil.
func (c *column) set(slot int32, node *core.Node) {
	for int(slot) >= len(c.of) {
		c.of = append(c.of, absent)
	}
	id := absent
	if node != nil {
		if value, ok := node.Label(c.key); ok {
			id = c.id(value)
		}
	}
	old := c.of[slot]
	if old == id {
		return
	}
	c.of[slot] = id
	c.has.put(slot, id != absent)
	if old != absent {
		if c.sets != nil {
			c.sets[old].put(slot, false)
		}
		c.keyed--
		if c.nodes[old]--; c.nodes[old] == 0 {
			c.live--
		}
	}
	if id != absent {
		if c.sets != nil {
			c.sets[id].put(slot, true)
		}
		c.keyed++
		if c.nodes[id]++; c.nodes[id] == 1 {
			c.live++
		}
	}
}

func (c *column) id(value string) int32 {
	id, known := c.ids[value]
	if !known {
		id = int32(len(c.values))
		c.ids[value] = id
		c.values = append(c.values, value)
		c.nodes = append(c.nodes, 0)
		if len(c.values) > setValues {
			c.sets = nil
		}
		if c.sets != nil {
			c.sets = append(c.sets, nil)
		}
	}
	return id
}

// narrow takes the nodes out of a set that do not satisfy a requirement on this label.
func (c *column) narrow(set bitset, r core.Requirement) {
	match := make([]bool, len(c.values))
	for id, value := range c.values {
		match[id] = r.MatchesValue(value, true)
	}
	without := r.MatchesValue("", false)
	if c.sets == nil {
		c.narrowEach(set, match, without)
		return
	}
	for w := range set {
		if set[w] == 0 {
			continue
		}
		keep := c.has.word(w)
		if without {
			keep = ^keep
		} else {
			keep = 0
		}
		for id, yes := range match {
			if yes {
				keep |= c.sets[id].word(w)
			}
		}
		set[w] &= keep
	}
}

func (c *column) narrowEach(set bitset, match []bool, without bool) {
	for w := range set {
		if set[w] == 0 {
			continue
		}
		var keep uint64
		for slot := w << 6; slot < min(len(c.of), (w+1)<<6); slot++ {
			yes := without
			if id := c.of[slot]; id != absent {
				yes = match[id]
			}
			keep |= bit(yes) << (slot & 63)
		}
		set[w] &= keep
	}
}

// perNode says that every domain is one node, so that what happens in a domain concerns no other node.
func (c *column) perNode() bool { return c.live == c.keyed }

// column returns the dictionary of a label, building it when it is asked for the first time.
func (c *Cluster) column(key string) *column {
	col := c.columns[key]
	if col == nil {
		col = newColumn(key, c.nodes)
		c.columns[key] = col
	}
	return col
}
