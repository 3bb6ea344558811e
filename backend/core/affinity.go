package core

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Affinity is where a pod must or would rather run. The JSON is Kubernetes' own, so that manifests can be copied.
// Source: k8s.io/api/core/v1 Affinity.
type Affinity struct {
	Node    *NodeAffinity     `json:"nodeAffinity,omitempty"`
	Pod     *PodAffinityRules `json:"podAffinity,omitempty"`
	PodAnti *PodAffinityRules `json:"podAntiAffinity,omitempty"`
}

// NodeAffinity picks nodes by their labels.
type NodeAffinity struct {
	Required  *NodeSelector             `json:"requiredDuringSchedulingIgnoredDuringExecution,omitempty"`
	Preferred []PreferredSchedulingTerm `json:"preferredDuringSchedulingIgnoredDuringExecution,omitempty"`
}

// NodeSelector holds for a node that satisfies at least one term.
type NodeSelector struct {
	Terms []NodeSelectorTerm `json:"nodeSelectorTerms"`
}

// NodeSelectorTerm holds for a node that satisfies all of it. An empty term holds for none.
type NodeSelectorTerm struct {
	MatchExpressions []Requirement `json:"matchExpressions,omitempty"`
	MatchFields      []Requirement `json:"matchFields,omitempty"`
}

// PreferredSchedulingTerm adds its weight, 1 to 100, to nodes that satisfy the term.
type PreferredSchedulingTerm struct {
	Weight     int32            `json:"weight"`
	Preference NodeSelectorTerm `json:"preference"`
}

// PodAffinityRules relates a pod to the pods that run already: towards them, or as anti-affinity away from them.
type PodAffinityRules struct {
	Required  []PodAffinityTerm         `json:"requiredDuringSchedulingIgnoredDuringExecution,omitempty"`
	Preferred []WeightedPodAffinityTerm `json:"preferredDuringSchedulingIgnoredDuringExecution,omitempty"`
}

// PodAffinityTerm names pods, by labels and namespaces, and the node label whose equal values make "the same place".
type PodAffinityTerm struct {
	LabelSelector     *LabelSelector `json:"labelSelector,omitempty"`
	Namespaces        []string       `json:"namespaces,omitempty"`
	NamespaceSelector *LabelSelector `json:"namespaceSelector,omitempty"`
	TopologyKey       string         `json:"topologyKey"`
	MatchLabelKeys    []string       `json:"matchLabelKeys,omitempty"`
	MismatchLabelKeys []string       `json:"mismatchLabelKeys,omitempty"`
}

// WeightedPodAffinityTerm is a wish with a weight, 1 to 100.
type WeightedPodAffinityTerm struct {
	Weight int32           `json:"weight"`
	Term   PodAffinityTerm `json:"podAffinityTerm"`
}

// FieldName is the only field that matchFields knows: the node's name.
const FieldName = "metadata.name"

// Matches says whether the node satisfies the term.
// Source: k8s.io/component-helpers/scheduling/corev1/nodeaffinity.
func (t NodeSelectorTerm) Matches(n *Node) bool {
	if len(t.MatchExpressions)+len(t.MatchFields) == 0 {
		return false
	}
	for _, r := range t.MatchExpressions {
		if value, present := n.Label(r.Key); !r.MatchesValue(value, present) {
			return false
		}
	}
	for _, r := range t.MatchFields {
		if !r.MatchesValue(n.Name, true) {
			return false
		}
	}
	return true
}

// Matches says whether the node satisfies any term. A nil selector holds for every node.
func (s *NodeSelector) Matches(n *Node) bool {
	if s == nil {
		return true
	}
	for _, t := range s.Terms {
		if t.Matches(n) {
			return true
		}
	}
	return false
}

// LabelHostname is the label that stands for a node's own name, as in Kubernetes.
const LabelHostname = "kubernetes.io/hostname"

// Label gives a node's label. A node that carries no hostname label answers with its name.
func (n *Node) Label(key string) (string, bool) {
	value, ok := n.Labels[key]
	if !ok && key == LabelHostname {
		return n.Name, true
	}
	return value, ok
}

// ParseAffinity reads and validates what pods.affinity holds; nothing, null and {} give the zero Affinity. Unknown fields are errors: a
// misspelt constraint that is silently ignored would put a pod where it must not be.
func ParseAffinity(raw json.RawMessage) (Affinity, error) {
	var a Affinity
	if err := decodeStrictly(raw, &a); err != nil {
		return Affinity{}, fmt.Errorf("affinity: %w", err)
	}
	if err := a.validate(); err != nil {
		return Affinity{}, err
	}
	return a, nil
}

func (a *Affinity) validate() error {
	if a.Node != nil {
		if err := a.Node.validate(); err != nil {
			return err
		}
	}
	if err := a.Pod.validate("podAffinity"); err != nil {
		return err
	}
	return a.PodAnti.validate("podAntiAffinity")
}

func (a *NodeAffinity) validate() error {
	if a.Required != nil {
		if len(a.Required.Terms) == 0 {
			return errors.New("nodeAffinity.required: nodeSelectorTerms must not be empty")
		}
		for i, t := range a.Required.Terms {
			if err := t.validate(fmt.Sprintf("nodeAffinity.required.nodeSelectorTerms[%d]", i)); err != nil {
				return err
			}
		}
	}
	for i, p := range a.Preferred {
		where := fmt.Sprintf("nodeAffinity.preferred[%d]", i)
		if p.Weight < 1 || p.Weight > 100 {
			return fmt.Errorf("%s: weight must be 1 to 100, not %d", where, p.Weight)
		}
		if err := p.Preference.validate(where + ".preference"); err != nil {
			return err
		}
	}
	return nil
}

func (t NodeSelectorTerm) validate(where string) error {
	for i, r := range t.MatchExpressions {
		if err := r.validate(fmt.Sprintf("%s.matchExpressions[%d]", where, i), true); err != nil {
			return err
		}
	}
	for i, r := range t.MatchFields {
		where := fmt.Sprintf("%s.matchFields[%d]", where, i)
		if err := r.validate(where, false); err != nil {
			return err
		}
		if r.Key != FieldName {
			return fmt.Errorf("%s: unknown field %q; known is %s", where, r.Key, FieldName)
		}
	}
	return nil
}

func (a *PodAffinityRules) validate(where string) error {
	if a == nil {
		return nil
	}
	for i, t := range a.Required {
		if err := t.validate(fmt.Sprintf("%s.required[%d]", where, i)); err != nil {
			return err
		}
	}
	for i, p := range a.Preferred {
		where := fmt.Sprintf("%s.preferred[%d]", where, i)
		if p.Weight < 1 || p.Weight > 100 {
			return fmt.Errorf("%s: weight must be 1 to 100, not %d", where, p.Weight)
		}
		if err := p.Term.validate(where + ".podAffinityTerm"); err != nil {
			return err
		}
	}
	return nil
}

func (t *PodAffinityTerm) validate(where string) error {
	if t.TopologyKey == "" {
		return fmt.Errorf("%s: topologyKey is missing", where)
	}
	if err := t.LabelSelector.validate(where + ".labelSelector"); err != nil {
		return err
	}
	return t.NamespaceSelector.validate(where + ".namespaceSelector")
}

// decodeStrictly reads one JSON value. Nothing at all leaves the target as it is.
func decodeStrictly(raw json.RawMessage, into any) error {
	if len(raw) == 0 {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("more than one JSON value")
	}
	return nil
}
