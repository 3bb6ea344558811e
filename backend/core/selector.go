package core

import (
	"fmt"
	"slices"
	"strconv"
)

// Operator relates a label to a Requirement's values.
type Operator string

// The operators. Gt and Lt exist only in node affinity.
const (
	OpIn           Operator = "In"
	OpNotIn        Operator = "NotIn"
	OpExists       Operator = "Exists"
	OpDoesNotExist Operator = "DoesNotExist"
	OpGt           Operator = "Gt"
	OpLt           Operator = "Lt"
)

// Requirement is one expression over one label (or, in matchFields, one field).
type Requirement struct {
	Key      string   `json:"key"`
	Operator Operator `json:"operator"`
	Values   []string `json:"values,omitempty"`
}

// MatchesValue says whether a label with this value, or its absence, satisfies the requirement. NotIn and DoesNotExist hold for an absent
// label; Gt and Lt compare integers and hold for nothing else.
// Source: k8s.io/apimachinery/pkg/labels Requirement.Matches.
func (r Requirement) MatchesValue(value string, present bool) bool {
	switch r.Operator {
	case OpIn:
		return present && slices.Contains(r.Values, value)
	case OpNotIn:
		return !present || !slices.Contains(r.Values, value)
	case OpExists:
		return present
	case OpDoesNotExist:
		return !present
	case OpGt, OpLt:
		if !present || len(r.Values) != 1 {
			return false
		}
		have, err := strconv.ParseInt(value, 10, 64)
		if err != nil {
			return false
		}
		want, err := strconv.ParseInt(r.Values[0], 10, 64)
		if err != nil {
			return false
		}
		return (r.Operator == OpGt && have > want) || (r.Operator == OpLt && have < want)
	}
	return false
}

// Matches is MatchesValue on a set of labels.
func (r Requirement) Matches(labels map[string]string) bool {
	value, present := labels[r.Key]
	return r.MatchesValue(value, present)
}

func (r Requirement) validate(where string, comparisons bool) error {
	if r.Key == "" {
		return fmt.Errorf("%s: key is missing", where)
	}
	switch r.Operator {
	case OpIn, OpNotIn:
		if len(r.Values) == 0 {
			return fmt.Errorf("%s: operator %s needs values", where, r.Operator)
		}
		return nil
	case OpExists, OpDoesNotExist:
		if len(r.Values) != 0 {
			return fmt.Errorf("%s: operator %s takes no values", where, r.Operator)
		}
		return nil
	case OpGt, OpLt:
		if !comparisons {
			break
		}
		if len(r.Values) != 1 {
			return fmt.Errorf("%s: operator %s needs exactly one value", where, r.Operator)
		}
		if _, err := strconv.ParseInt(r.Values[0], 10, 64); err != nil {
			return fmt.Errorf("%s: operator %s needs an integer, not %q", where, r.Operator, r.Values[0])
		}
		return nil
	}
	return fmt.Errorf("%s: unknown operator %q", where, r.Operator)
}

// LabelSelector picks pods or namespaces by their labels. A nil selector picks nothing, an empty one everything.
// Source: k8s.io/apimachinery/pkg/apis/meta/v1 LabelSelector.
type LabelSelector struct {
	MatchLabels      map[string]string `json:"matchLabels,omitempty"`
	MatchExpressions []Requirement     `json:"matchExpressions,omitempty"`
}

// Matches says whether the labels satisfy every part of the selector.
func (s *LabelSelector) Matches(labels map[string]string) bool {
	if s == nil {
		return false
	}
	for key, want := range s.MatchLabels {
		if have, ok := labels[key]; !ok || have != want {
			return false
		}
	}
	for _, r := range s.MatchExpressions {
		if !r.Matches(labels) {
			return false
		}
	}
	return true
}

func (s *LabelSelector) validate(where string) error {
	if s == nil {
		return nil
	}
	for i, r := range s.MatchExpressions {
		if err := r.validate(fmt.Sprintf("%s.matchExpressions[%d]", where, i), false); err != nil {
			return err
		}
	}
	return nil
}

// With returns the selector narrowed to pods that agree (match) or disagree (mismatch) with the given labels on these keys. Keys that the
// labels lack narrow nothing.
// Source: Kubernetes, matchLabelKeys and mismatchLabelKeys of affinity terms and topology spread constraints.
func (s *LabelSelector) With(labels map[string]string, match, mismatch []string) *LabelSelector {
	if s == nil || len(match)+len(mismatch) == 0 {
		return s
	}
	narrowed := &LabelSelector{MatchLabels: s.MatchLabels, MatchExpressions: slices.Clone(s.MatchExpressions)}
	for _, key := range match {
		if value, ok := labels[key]; ok {
			narrowed.MatchExpressions = append(narrowed.MatchExpressions, Requirement{Key: key, Operator: OpIn, Values: []string{value}})
		}
	}
	for _, key := range mismatch {
		if value, ok := labels[key]; ok {
			narrowed.MatchExpressions = append(narrowed.MatchExpressions, Requirement{Key: key, Operator: OpNotIn, Values: []string{value}})
		}
	}
	return narrowed
}
