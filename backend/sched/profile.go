package sched

import (
	"strconv"

	"github.com/Masterminds/semver/v3"
	"github.com/google/uuid"

	"github.com/stark-o/stark/backend/core"
)

// profile is all of a node that filters ask for besides labels and room. Nodes share few distinct profiles, so a filter is asked once per
// profile and not once per node.
type profile struct {
	runtime  core.Runtime
	version  string
	parsed   *semver.Version // nil when version is not one
	shared   bool
	owner    uuid.UUID // of a private node
	healthy  bool
	cordoned bool
	taints   []core.Taint
	slots    bitset // nodes that have it
}

func profileOf(n *core.Node) profile {
	p := profile{runtime: n.Runtime, version: n.RuntimeVersion, shared: n.Access == core.AccessShared,
		healthy: n.Status == core.NodeHealthy, cordoned: n.Unschedulable, taints: n.Taints}
	if !p.shared {
		p.owner = n.OwnerID
	}
	return p
}

// key is injective: every field is written with its length or in a fixed width.
func (p *profile) key(b []byte) []byte {
	b = appendString(b, string(p.runtime))
	b = appendString(b, p.version)
	b = append(b, p.owner[:]...)
	b = strconv.AppendBool(b, p.shared)
	b = strconv.AppendBool(b, p.healthy)
	b = strconv.AppendBool(b, p.cordoned)
	for _, t := range p.taints {
		b = appendString(b, t.Key)
		b = appendString(b, t.Value)
		b = appendString(b, string(t.Effect))
	}
	return b
}

func appendString(b []byte, s string) []byte {
	b = appendUint(b, uint64(len(s)))
	return append(b, s...)
}

func appendUint(b []byte, v uint64) []byte {
	for v >= 0x80 {
		b = append(b, byte(v)|0x80)
		v >>= 7
	}
	return append(b, byte(v))
}

// profileID interns a node's profile.
func (c *Cluster) profileID(n *core.Node) int32 {
	p := profileOf(n)
	c.scratch = p.key(c.scratch[:0])
	id, known := c.profileIDs[string(c.scratch)]
	if !known {
		id = int32(len(c.profiles))
		c.profileIDs[string(c.scratch)] = id
		p.parsed, _ = semver.NewVersion(p.version)
		c.profiles = append(c.profiles, p)
	}
	return id
}
