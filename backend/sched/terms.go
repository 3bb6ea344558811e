package sched

import (
	"encoding/json"
	"maps"
	"slices"

	"github.com/stark-o/stark/backend/core"
)

// parsedAffinity and parsedSpread are what a pod's JSON says, read once per distinct text.
type parsedAffinity struct {
	core.Affinity
	err      error
	podTerms bool // relates to other pods
}

type parsedSpread struct {
	constraints []core.TopologySpreadConstraint
	err         error
}

var noAffinity, noSpread = &parsedAffinity{}, &parsedSpread{}

func saysNothing(raw json.RawMessage) bool {
	return len(raw) == 0 || string(raw) == "{}" || string(raw) == "[]" || string(raw) == "null"
}

func (c *Cluster) affinityOf(p *core.Pod) *parsedAffinity {
	if saysNothing(p.Affinity) {
		return noAffinity
	}
	if a := c.affinities[string(p.Affinity)]; a != nil {
		return a
	}
	a := &parsedAffinity{}
	a.Affinity, a.err = core.ParseAffinity(p.Affinity)
	a.podTerms = a.err == nil && (a.Pod != nil || a.PodAnti != nil)
	if len(c.affinities) >= c.limits.texts {
		clear(c.affinities)
	}
	c.affinities[string(p.Affinity)] = a
	return a
}

func (c *Cluster) spreadOf(p *core.Pod) *parsedSpread {
	if saysNothing(p.TopologySpread) {
		return noSpread
	}
	if s := c.spreads[string(p.TopologySpread)]; s != nil {
		return s
	}
	s := &parsedSpread{}
	s.constraints, s.err = core.ParseTopologySpread(p.TopologySpread)
	if len(c.spreads) >= c.limits.texts {
		clear(c.spreads)
	}
	c.spreads[string(p.TopologySpread)] = s
	return s
}

// term is one affinity term as its pod means it: with the pod's own namespace and labels filled in.
type term struct {
	key        string // topology
	selector   *core.LabelSelector
	namespaces []string
	elsewhere  *core.LabelSelector // more namespaces, by their labels
	weight     int64               // signed; of preferred terms
}

// matches says whether a pod with this namespace and these labels is one that the term names.
// Source: kube-scheduler framework AffinityTerm.Matches; both lists empty means the pod's own namespace.
func (t *term) matches(c *Cluster, namespace string, labels map[string]string) bool {
	named := slices.Contains(t.namespaces, namespace) || (t.elsewhere != nil && t.elsewhere.Matches(c.labelsOf(namespace)))
	return named && t.selector.Matches(labels)
}

func (c *Cluster) labelsOf(namespace string) map[string]string {
	if ns := c.namespaces[namespace]; ns != nil {
		return ns.labels
	}
	return nil
}

// podTerms are the terms of one pod that relate to other pods.
type podTerms struct {
	required []term
	anti     []term
	soft     []term // preferred affinity with positive, anti-affinity with negative weight
}

func termsOf(p *core.Pod, a *parsedAffinity) *podTerms {
	if !a.podTerms {
		return nil
	}
	t := &podTerms{}
	if a.Pod != nil {
		for _, r := range a.Pod.Required {
			t.required = append(t.required, newTerm(p, r, 0))
		}
		for _, w := range a.Pod.Preferred {
			t.soft = append(t.soft, newTerm(p, w.Term, int64(w.Weight)))
		}
	}
	if a.PodAnti != nil {
		for _, r := range a.PodAnti.Required {
			t.anti = append(t.anti, newTerm(p, r, 0))
		}
		for _, w := range a.PodAnti.Preferred {
			t.soft = append(t.soft, newTerm(p, w.Term, -int64(w.Weight)))
		}
	}
	if len(t.required)+len(t.anti)+len(t.soft) == 0 {
		return nil
	}
	return t
}

func newTerm(p *core.Pod, t core.PodAffinityTerm, weight int64) term {
	namespaces := t.Namespaces
	if len(namespaces) == 0 && t.NamespaceSelector == nil {
		namespaces = []string{p.Namespace}
	}
	return term{key: t.TopologyKey, selector: t.LabelSelector.With(p.Labels, t.MatchLabelKeys, t.MismatchLabelKeys), namespaces: namespaces,
		elsewhere: t.NamespaceSelector, weight: weight}
}

// podGroup is all placed pods that no affinity and no spread can tell apart: one namespace, the same labels, the same terms.
type podGroup struct {
	namespace string
	labels    map[string]string
	leaving   bool
	terms     *podTerms       // nil when they have none
	on        map[int32]int32 // slot → how many
	n         int
}

func (c *Cluster) groupOf(p *core.Pod, leaving bool) int32 {
	a := c.affinityOf(p)
	b := appendString(c.scratch[:0], p.Namespace)
	if leaving {
		b = append(b, 1)
	} else {
		b = append(b, 0)
	}
	if a.podTerms {
		b = appendString(b, string(p.Affinity))
	} else {
		b = append(b, 0)
	}
	b = c.appendMap(b, p.Labels)
	c.scratch = b
	if id, known := c.groupIDs[string(b)]; known {
		return id
	}
	id := int32(len(c.groups))
	g := &podGroup{namespace: p.Namespace, labels: p.Labels, leaving: leaving, terms: termsOf(p, a), on: map[int32]int32{}}
	c.groups = append(c.groups, g)
	c.groupIDs[string(b)] = id
	c.deadGroups++
	for key, value := range p.Labels {
		c.groupsWith[pivot(key, value)] = append(c.groupsWith[pivot(key, value)], id)
	}
	if g.terms != nil {
		c.symmetric = append(c.symmetric, id)
	}
	return id
}

// appendMap writes a map in the order of its keys.
func (c *Cluster) appendMap(b []byte, m map[string]string) []byte {
	b = appendUint(b, uint64(len(m)))
	if len(m) == 0 {
		return b
	}
	c.keys = slices.AppendSeq(c.keys[:0], maps.Keys(m))
	slices.Sort(c.keys)
	for _, k := range c.keys {
		b = appendString(b, k)
		b = appendString(b, m[k])
	}
	return b
}
