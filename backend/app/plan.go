package app

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/stark-o/stark/backend/control"
	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/wire"
)

// Plan says what would come of creating pods, of deployments getting fewer replicas, and of draining nodes.
func (a advisor) Plan(_ context.Context, create []*core.Pod, shrink map[uuid.UUID]int32, drain []uuid.UUID) (wire.Plan, error) {
	plan := wire.Plan{Placements: []wire.PlannedPod{}, Evictions: []wire.PlannedPod{}, Pending: []wire.PlannedPod{}}
	if err := a.ready(); err != nil {
		return plan, err
	}
	created := make(map[uuid.UUID]bool, len(create))
	for _, pod := range create {
		created[pod.ID] = true
	}
	out := a.counsel.Plan(control.Proposal{Create: create, Scale: shrink, Drain: drain}, time.Now())
	planned := func(id, node uuid.UUID, reason string) wire.PlannedPod {
		p := wire.PlannedPod{Reason: reason}
		if pod := out.Pods[id]; pod != nil {
			p.Name, p.Namespace = pod.Name, pod.Namespace
		}
		if !created[id] {
			p.PodID = &id
		}
		if node != uuid.Nil {
			p.NodeID = &node
			if n := a.nodes(node); n != nil {
				p.Node = n.Name
			}
		}
		return p
	}
	why := func(id uuid.UUID) string {
		switch {
		case created[id]:
			return "created"
		case out.Waiting[id]:
			return "waited"
		}
		return "moved"
	}
	for _, p := range out.Placements {
		plan.Placements = append(plan.Placements, planned(p.PodID, p.NodeID, why(p.PodID)))
	}
	for _, leave := range out.Leaving {
		plan.Evictions = append(plan.Evictions, planned(leave.Pod.ID, leave.Pod.NodeID, leave.Reason))
	}
	for _, e := range out.Evictions {
		plan.Evictions = append(plan.Evictions, planned(e.PodID, e.NodeID, e.Reason))
	}
	for _, u := range out.Unschedulable {
		i := slices.IndexFunc(out.Nominations, func(n core.Placement) bool { return n.PodID == u.PodID })
		if out.Waiting[u.PodID] && i < 0 {
			continue // as before
		}
		node := uuid.Nil
		if i >= 0 {
			node = out.Nominations[i].NodeID
		}
		p := planned(u.PodID, node, "pending")
		filters, err := json.Marshal(u.Explanation.Filters)
		if err != nil {
			return plan, fmt.Errorf("write filters: %w", err)
		}
		p.Text, p.Filters = u.Explanation.Text, filters
		plan.Pending = append(plan.Pending, p)
	}
	for _, list := range [][]wire.PlannedPod{plan.Placements, plan.Evictions, plan.Pending} {
		slices.SortFunc(list, func(a, b wire.PlannedPod) int {
			return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Node, b.Node))
		})
	}
	return plan, nil
}
