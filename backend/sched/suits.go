package sched

import (
	"github.com/Masterminds/semver/v3"

	"github.com/stark-o/stark/backend/core"
)

// Suits says whether a node is one for pods like this, whatever runs there, and whether or not it is healthy and takes pods now: runtime and its
// version, whose node it is, selector, required node affinity and taints. An affinity that cannot be read suits nowhere.
func Suits(pod *core.Pod, pack *core.Pack, node *core.Node) bool {
	affinity, err := core.ParseAffinity(pod.Affinity)
	if err != nil {
		return false
	}
	d := demand{tag: pack.Tag, minVersion: parseVersion(pack.MinRuntimeVersion), owner: pod.CreatedBy, selector: pod.NodeSelector, tolerations: pod.Tolerations}
	if affinity.Node != nil {
		d.required = affinity.Node.Required
	}
	p := profileOf(node)
	p.parsed, _ = semver.NewVersion(p.version)
	return d.unusable(&p) == "" && d.mislabelled(node) == "" && d.untolerated(node.Taints) == nil
}
