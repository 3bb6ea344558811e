package app

import (
	"context"
	"encoding/json"

	"github.com/google/uuid"

	"github.com/stark-o/stark/backend/control"
	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/wire"
)

// advisor puts what the counsel says into the words of the wire.
type advisor struct {
	counsel *control.Counsel
	nodes   func(uuid.UUID) *core.Node // nil for one that is not known
	synced  <-chan struct{}            // there is a picture to go by
}

// ready says whether there is a picture; without one every answer would be that there are no nodes.
func (a advisor) ready() error {
	select {
	case <-a.synced:
		return nil
	default:
		return core.Errorf(core.CodeUnavailable, "this server has no picture of the cluster yet").WithHint("Try again in a moment; GET /ready says when it has.")
	}
}

// CheckSetting compiles the expression of scheduler.score. Who writes to the table past the API is not asked: the loop leaves out what does not compile.
func (advisor) CheckSetting(key string, value json.RawMessage) error {
	return control.CheckSetting(key, value)
}

// Explain has every node in it; whoever answers a caller leaves out what is not theirs to see.
func (a advisor) Explain(_ context.Context, id uuid.UUID) (wire.PodExplanation, error) {
	if err := a.ready(); err != nil {
		return wire.PodExplanation{}, err
	}
	in, err := a.counsel.Explain(id)
	if err != nil {
		return wire.PodExplanation{}, err
	}
	fits, filters := in.Refusers()
	e := wire.PodExplanation{
		PodID: in.Pod.ID, Status: in.Pod.Status, Nodes: len(in.Verdicts), Fits: fits, Filters: map[string]int{},
		Closest: []wire.NearNode{}, Evicts: []uuid.UUID{}, Verdicts: make([]wire.NodeVerdict, 0, len(in.Verdicts)),
	}
	if in.Why != nil {
		e.Text, filters, e.Nodes = in.Why.Text, in.Why.Filters, in.Why.Nodes
		for _, n := range in.Why.Closest {
			e.Closest = append(e.Closest, wire.NearNode{Node: n.Node, NodeID: n.NodeID, Filter: string(n.Filter), Detail: n.Detail})
		}
	}
	for f, n := range filters {
		e.Filters[string(f)] = n
	}
	for _, eviction := range in.Evictions {
		e.Evicts = append(e.Evicts, eviction.PodID)
	}
	chosen := in.NodeID
	if in.Pod.NodeID != uuid.Nil {
		chosen = in.Pod.NodeID
	}
	for _, v := range in.Verdicts {
		verdict := wire.NodeVerdict{Node: v.Node, NodeID: v.NodeID, Refusals: []wire.Refusal{}, Score: v.Score, Scores: []wire.NodeScore{}}
		for _, r := range v.Refusals {
			verdict.Refusals = append(verdict.Refusals, wire.Refusal{Filter: string(r.Filter), Detail: r.Detail})
		}
		for _, s := range v.Scores {
			verdict.Scores = append(verdict.Scores, wire.NodeScore{Name: s.Name, Score: s.Score, Weight: s.Weight})
		}
		e.Verdicts = append(e.Verdicts, verdict)
		if v.NodeID == chosen && chosen != uuid.Nil {
			e.Chosen = &verdict
		}
	}
	return e, nil
}
