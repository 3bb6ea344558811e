package control

import (
	"encoding/json"
	"time"

	"github.com/Masterminds/semver/v3"
	"github.com/google/uuid"

	"github.com/stark-o/stark/backend/control/rollout"
	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/sched"
)

// situation is what a step is decided on.
func (r *rollouts) situation(d *core.Deployment, now time.Time) rollout.Input {
	in := rollout.Input{Deployment: d, Pods: r.cfg.Cluster.PodsOf(d.ID), Now: now}
	if refused, is := r.refused[d.ID]; is {
		in.Refused, in.RefusedFor, in.Retry = refused.message, refused.reason, refused.retry
	}
	pack := r.cfg.Cluster.Pack(d.PackID)
	if pack == nil {
		return in
	}
	in.Version = pack.Version
	if d.FollowLatest {
		in.Latest = latest(d, pack, r.cfg.Cluster.Packs(pack.Name))
	}
	if d.Mode == core.ModeDaemonSet {
		template := templateOf(d)
		for _, node := range r.cfg.Cluster.Nodes() {
			if sched.Suits(template, pack, node) {
				in.Nodes = append(in.Nodes, node)
			}
		}
	}
	return in
}

// templateOf is a deployment's template as far as it decides which nodes suit.
func templateOf(d *core.Deployment) *core.Pod {
	var spec struct {
		NodeSelector map[string]string `json:"nodeSelector"`
		Tolerations  []core.Toleration `json:"tolerations"`
		Affinity     json.RawMessage   `json:"affinity"`
	}
	if len(d.Spec) > 0 && json.Unmarshal(d.Spec, &spec) != nil {
		// The database has checked it: what is no template is from before that, and suits as if it asked for nothing.
		spec.Affinity = nil
	}
	return &core.Pod{NodeSelector: spec.NodeSelector, Tolerations: spec.Tolerations, Affinity: spec.Affinity, CreatedBy: d.CreatedBy, PackID: d.PackID}
}

// latest is the highest version that a deployment may follow to, nil when none is higher than what it has: pre-releases are followed from pre-releases
// only, private packs of others and what was taken back never.
func latest(d *core.Deployment, present *core.Pack, versions []*core.Pack) *core.Pack {
	at, err := semver.NewVersion(present.Version)
	if err != nil {
		return nil
	}
	unstable := at.Prerelease() != ""
	if back := rollout.ParseStatus(d.Status).RolledBack; back != nil {
		if v, err := semver.NewVersion(back.Version); err == nil && v.GreaterThan(at) {
			at = v
		}
	}
	var best *core.Pack
	for _, p := range versions {
		v, err := semver.NewVersion(p.Version)
		mayRun := p.Public || (p.OwnerID == d.CreatedBy && d.CreatedBy != uuid.Nil)
		if err == nil && mayRun && v.GreaterThan(at) && (unstable || v.Prerelease() == "") {
			best, at = p, v
		}
	}
	return best
}
