package core

import (
	"encoding/json"
	"fmt"
)

// WhenUnsatisfiable says whether a spread constraint is a must or a wish.
type WhenUnsatisfiable string

// A must and a wish.
const (
	DoNotSchedule  WhenUnsatisfiable = "DoNotSchedule"
	ScheduleAnyway WhenUnsatisfiable = "ScheduleAnyway"
)

// InclusionPolicy says whether nodes that a pod could not use count in its spread.
type InclusionPolicy string

// Honor leaves such nodes out, Ignore counts them.
const (
	PolicyHonor  InclusionPolicy = "Honor"
	PolicyIgnore InclusionPolicy = "Ignore"
)

// TopologySpreadConstraint keeps the numbers of matching pods in the domains of TopologyKey within MaxSkew of the smallest.
// Source: k8s.io/api/core/v1 TopologySpreadConstraint.
type TopologySpreadConstraint struct {
	MaxSkew            int32             `json:"maxSkew"`
	TopologyKey        string            `json:"topologyKey"`
	WhenUnsatisfiable  WhenUnsatisfiable `json:"whenUnsatisfiable"`
	LabelSelector      *LabelSelector    `json:"labelSelector,omitempty"`
	MinDomains         *int32            `json:"minDomains,omitempty"`
	NodeAffinityPolicy InclusionPolicy   `json:"nodeAffinityPolicy,omitempty"` // default Honor
	NodeTaintsPolicy   InclusionPolicy   `json:"nodeTaintsPolicy,omitempty"`   // default Ignore
	MatchLabelKeys     []string          `json:"matchLabelKeys,omitempty"`
}

// ParseTopologySpread reads and validates a JSON array of constraints, as strictly as ParseAffinity. Nothing and null give none.
func ParseTopologySpread(raw json.RawMessage) ([]TopologySpreadConstraint, error) {
	var constraints []TopologySpreadConstraint
	if err := decodeStrictly(raw, &constraints); err != nil {
		return nil, fmt.Errorf("topologySpreadConstraints: %w", err)
	}
	for i := range constraints {
		if err := constraints[i].validate(fmt.Sprintf("topologySpreadConstraints[%d]", i)); err != nil {
			return nil, err
		}
	}
	return constraints, nil
}

func (c *TopologySpreadConstraint) validate(where string) error {
	switch {
	case c.MaxSkew < 1:
		return fmt.Errorf("%s: maxSkew must be at least 1, not %d", where, c.MaxSkew)
	case c.TopologyKey == "":
		return fmt.Errorf("%s: topologyKey is missing", where)
	case c.WhenUnsatisfiable != DoNotSchedule && c.WhenUnsatisfiable != ScheduleAnyway:
		return fmt.Errorf("%s: whenUnsatisfiable must be DoNotSchedule or ScheduleAnyway, not %q", where, c.WhenUnsatisfiable)
	case c.MinDomains != nil && *c.MinDomains < 1:
		return fmt.Errorf("%s: minDomains must be at least 1, not %d", where, *c.MinDomains)
	case c.MinDomains != nil && c.WhenUnsatisfiable != DoNotSchedule:
		return fmt.Errorf("%s: minDomains goes only with DoNotSchedule", where)
	}
	for _, p := range []InclusionPolicy{c.NodeAffinityPolicy, c.NodeTaintsPolicy} {
		if p != "" && p != PolicyHonor && p != PolicyIgnore {
			return fmt.Errorf("%s: a policy must be Honor or Ignore, not %q", where, p)
		}
	}
	return c.LabelSelector.validate(where + ".labelSelector")
}
