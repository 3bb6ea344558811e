package rollout

import (
	"cmp"
	"slices"

	"github.com/stark-o/stark/backend/core"
)

// daemons keeps one pod on every node that suits.
// Source: k8s.io/kubernetes/pkg/controller/daemon.
func (p *planner) daemons() {
	on := map[string][]*core.Pod{}
	for _, pod := range p.live {
		name := nodeOf(pod)
		on[name] = append(on[name], pod)
	}
	busy := map[string]bool{} // an old pod is about to leave
	for _, pod := range p.leaving {
		busy[nodeOf(pod)] = true
	}
	nodes := slices.DeleteFunc(slices.Clone(p.Nodes), func(node *core.Node) bool {
		// One that takes no pods now counts while one runs there. A pod that waits for it waits in vain: it is made again when the node is back.
		takes := node.Status == core.NodeHealthy && !node.Unschedulable
		return !takes && !slices.ContainsFunc(on[node.Name], func(pod *core.Pod) bool { return pod.Status != core.PodPending })
	})
	slices.SortFunc(nodes, func(a, b *core.Node) int { return cmp.Compare(a.Name, b.Name) })
	p.desired = len(nodes)

	var missing []string
	var replace []*core.Pod
	down := 0
	for _, node := range nodes {
		pods := on[node.Name]
		delete(on, node.Name)
		if len(pods) == 0 {
			down++
			if !busy[node.Name] {
				missing = append(missing, node.Name)
			}
			continue
		}
		best := slices.MaxFunc(pods, func(a, b *core.Pod) int {
			return cmp.Or(cmp.Compare(a.Generation, b.Generation), cmp.Compare(bit(p.available(a)), bit(p.available(b))), b.CreatedAt.Compare(a.CreatedAt))
		})
		p.stop(slices.DeleteFunc(slices.Clone(pods), func(pod *core.Pod) bool { return pod == best }), len(pods)-1)
		switch {
		case p.isNew(best) || p.Deployment.Paused:
			if !p.available(best) {
				down++
			}
		case !p.available(best):
			p.stop([]*core.Pod{best}, 1) // nobody misses it
			down++
		default:
			replace = append(replace, best)
		}
	}
	for _, pods := range on { // their nodes are gone, take no pods, or suit no more
		p.stop(pods, len(pods))
	}
	generation := p.Deployment.Generation
	if p.Deployment.Paused && p.before.Stable > 0 {
		generation = p.before.Stable
	}
	p.make(len(missing), generation, missing...)
	_, unavailable := Strategy{MaxUnavailable: p.strategy.MaxUnavailable}.bounds(p.desired)
	if p.strategy.Recreate {
		unavailable = p.desired
	}
	p.stop(replace, unavailable-down)
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}

// nodeOf is the node that a pod of a daemonset is for: the one that its affinity names, wherever it is now.
func nodeOf(pod *core.Pod) string {
	affinity, err := core.ParseAffinity(pod.Affinity)
	if err != nil || affinity.Node == nil || affinity.Node.Required == nil {
		return ""
	}
	for _, term := range affinity.Node.Required.Terms {
		for _, field := range term.MatchFields {
			if field.Key == core.FieldName && len(field.Values) == 1 {
				return field.Values[0]
			}
		}
	}
	return ""
}
