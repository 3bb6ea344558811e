package sched

// tidy clears away what has no use any more once there is more of it than of what has: groups of pods, profiles and label values of nodes.
func (c *Cluster) tidy() {
	if c.recording > 0 {
		return
	}
	excess := func(all, used int) bool { return all > 2*used+c.limits.dead }
	if excess(len(c.groups), len(c.groups)-c.deadGroups) {
		c.forgetGroups()
	}
	if excess(len(c.profiles), c.known) {
		c.forgetProfiles()
	}
	for key, col := range c.columns {
		if excess(len(col.values), col.live) {
			c.columns[key] = newColumn(key, c.nodes)
			c.structure++ // domains have other numbers now
		}
	}
	if excess(len(c.capacities), c.known) {
		c.forgetCapacities()
	}
}

// forgetCapacities numbers anew those that a node has. Classes refer to them by number, so they go too.
func (c *Cluster) forgetCapacities() {
	c.capacities = nil
	clear(c.capacityOf)
	for slot := range c.nodes {
		c.reload(int32(slot))
	}
	c.forgetIndexes()
}

// forgetGroups forgets groups that have no pods any more. Classes refer to groups by number, so they go too.
func (c *Cluster) forgetGroups() {
	renumbered := make([]int32, len(c.groups))
	live := c.groups[:0]
	c.symmetric = c.symmetric[:0]
	clear(c.groupsWith)
	for id, g := range c.groups {
		renumbered[id] = noGroup
		if g.n > 0 {
			renumbered[id] = int32(len(live))
			live = append(live, g)
			for key, value := range g.labels {
				c.groupsWith[pivot(key, value)] = append(c.groupsWith[pivot(key, value)], renumbered[id])
			}
			if g.terms != nil {
				c.symmetric = append(c.symmetric, renumbered[id])
			}
		}
	}
	clear(c.groups[len(live):])
	c.groups, c.deadGroups = live, 0
	for key, id := range c.groupIDs {
		if renumbered[id] == noGroup {
			delete(c.groupIDs, key)
		} else {
			c.groupIDs[key] = renumbered[id]
		}
	}
	for _, p := range c.pods {
		p.group = renumbered[p.group]
	}
	c.log = changeLog[change]{base: c.log.end() + 1} // entries name groups by their old numbers
	c.forgetIndexes()
}

// forgetProfiles forgets those that no node has any more.
func (c *Cluster) forgetProfiles() {
	c.profiles = nil
	clear(c.profileIDs)
	for slot := range c.nodes {
		c.profileOf[slot] = absent
		if node := c.nodes[slot].node; node != nil {
			c.setProfile(int32(slot), c.profileID(node))
		}
	}
}
