package api

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"
	"github.com/google/uuid"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/wire"
)

const (
	defaultVerdicts = 50
	maxVerdicts     = 1000
)

// explainPod says how the nodes look to a pod, as of this server's picture.
func (s *Server) explainPod(c *fiber.Ctx, who caller) error {
	id, err := pathID(c, "pod")
	if err != nil {
		return err
	}
	limit, err := queryInt(c, "limit", defaultVerdicts, 1, maxVerdicts)
	if err != nil {
		return err
	}
	if _, err := s.cfg.Store.Pod(c.UserContext(), who.Actor, id); err != nil {
		return err // not there, or not the caller's to see
	}
	e, err := s.cfg.Advisor.Explain(c.UserContext(), id)
	if err != nil {
		return err
	}
	ids := make([]uuid.UUID, len(e.Verdicts))
	for i, v := range e.Verdicts {
		ids[i] = v.NodeID
	}
	seen, err := s.cfg.Store.VisibleNodes(c.UserContext(), who.Actor, ids)
	if err != nil {
		return err
	}
	conceal(&e, seen)
	if e.Text == "" {
		e.Text = placedText(&e)
	}
	if len(e.Verdicts) > int(limit) {
		e.More, e.Verdicts = len(e.Verdicts)-int(limit), e.Verdicts[:limit]
	}
	return ok(c, e)
}

// conceal takes out what would name nodes that the caller may not see.
func conceal(e *wire.PodExplanation, seen []uuid.UUID) {
	visible := setOf(seen)
	all := len(e.Verdicts)
	e.Verdicts = slices.DeleteFunc(e.Verdicts, func(v wire.NodeVerdict) bool { return !visible[v.NodeID] })
	e.Closest = slices.DeleteFunc(e.Closest, func(n wire.NearNode) bool { return !visible[n.NodeID] })
	e.Hidden = all - len(e.Verdicts)
	if e.Chosen != nil && !visible[e.Chosen.NodeID] {
		e.Chosen = nil
	}
}

// placedText is the one line about a pod that has a place, or would get one.
func placedText(e *wire.PodExplanation) string {
	var b strings.Builder
	switch {
	case e.Chosen == nil:
		fmt.Fprintf(&b, "%s", e.Status)
	case e.Status == core.PodPending:
		fmt.Fprintf(&b, "would go to %s", e.Chosen.Node)
	case len(e.Chosen.Refusals) > 0:
		fmt.Fprintf(&b, "%s on %s, which would not take it now (%s)", e.Status, e.Chosen.Node, e.Chosen.Refusals[0].Filter)
	default:
		fmt.Fprintf(&b, "%s on %s", e.Status, e.Chosen.Node)
	}
	fmt.Fprintf(&b, "; %d/%d nodes would take it now", e.Fits, e.Nodes)
	if len(e.Filters) > 0 {
		parts := make([]string, 0, len(e.Filters))
		for _, filter := range slices.Sorted(maps.Keys(e.Filters)) {
			parts = append(parts, fmt.Sprintf("%d %s", e.Filters[filter], filter))
		}
		fmt.Fprintf(&b, ": refused by %s", strings.Join(parts, ", "))
	}
	return b.String()
}
