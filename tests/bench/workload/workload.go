// Package workload makes the nodes and pods that schedulers are measured on: the shape of kube-scheduler's scheduler_perf, so that figures
// can be put side by side. It is deterministic.
package workload

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/stark-o/stark/backend/core"
)

// Variant is what the pods ask for.
type Variant string

// The variants.
const (
	Plain        Variant = "plain"        // cpu and memory
	All          Variant = "all"          // and five of ten zones, on nodes half of which are tainted, with a toleration
	Spread       Variant = "spread"       // over zones, maxSkew 5, DoNotSchedule
	SoftSpread   Variant = "softspread"   // over zones and over nodes, ScheduleAnyway
	AntiAffinity Variant = "antiaffinity" // one of them a node
	Preferred    Variant = "preferred"    // preferred node affinity and preferred pod affinity by zone
	Mixed        Variant = "mixed"        // every pod another size, another choice of zones and another label
	Apps         Variant = "apps"         // 500 apps, their pods in turn, each app one a node and softly over zones
)

// Variants lists them all.
var Variants = []Variant{Plain, All, Spread, SoftSpread, AntiAffinity, Preferred, Mixed, Apps}

const (
	zones = 10
	apps  = 500
	gi    = int64(1) << 30
	mi    = int64(1) << 20
)

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// ID makes an id that sorts by number.
func ID(kind byte, n int) (u uuid.UUID) {
	u[0] = kind
	u[12], u[13], u[14], u[15] = byte(n>>24), byte(n>>16), byte(n>>8), byte(n)
	return u
}

// Pack is the pack of every pod.
var Pack = &core.Pack{ID: ID('k', 1), Name: "hello", Version: "1.0.0", Tag: core.TagNode}

// Nodes makes n nodes of 4 CPU, 32 Gi and 110 pods in ten zones.
func Nodes(n int, v Variant) []*core.Node {
	nodes := make([]*core.Node, n)
	for i := range nodes {
		nodes[i] = &core.Node{ID: ID('n', i), Name: fmt.Sprintf("node-%d", i), Runtime: core.RuntimeNode, RuntimeVersion: "v22.11.0",
			Access: core.AccessShared, Status: core.NodeHealthy, MaxPods: 110, CPUMillis: 4000, MemoryBytes: 32 * gi, CreatedAt: epoch,
			Labels: map[string]string{"zone": fmt.Sprintf("zone-%d", i%zones), "kubernetes.io/hostname": fmt.Sprintf("node-%d", i)}}
		if (v == All || v == Mixed) && i/zones%2 == 0 {
			nodes[i].Taints = []core.Taint{{Key: "dedicated", Value: "bench", Effect: core.EffectNoSchedule}}
		}
	}
	return nodes
}

// Pods makes n pods of 20m and 100 Mi, numbered from first on.
func Pods(first, n int, v Variant) []*core.Pod {
	pods := make([]*core.Pod, n)
	for i := range pods {
		pods[i] = pod(first+i, v)
	}
	return pods
}

func pod(n int, v Variant) *core.Pod {
	p := &core.Pod{ID: ID('p', n), Name: fmt.Sprintf("pod-%d", n), Namespace: "default", PackID: Pack.ID, CPUMillis: 20, MemoryBytes: 100 * mi,
		Desired: core.DesiredRunning, Status: core.PodPending, CreatedAt: epoch.Add(time.Duration(n) * time.Millisecond),
		Labels: map[string]string{"app": "bench"}}
	switch v {
	case All:
		p.Affinity, p.Tolerations = inZones(0, 1, 2, 3, 4), tolerant()
	case Spread:
		p.TopologySpread = json.RawMessage(`[{"maxSkew":5,"topologyKey":"zone","whenUnsatisfiable":"DoNotSchedule","labelSelector":{"matchLabels":{"app":"bench"}}}]`)
	case SoftSpread:
		p.TopologySpread = json.RawMessage(`[{"maxSkew":1,"topologyKey":"zone","whenUnsatisfiable":"ScheduleAnyway","labelSelector":{"matchLabels":{"app":"bench"}}},` +
			`{"maxSkew":1,"topologyKey":"kubernetes.io/hostname","whenUnsatisfiable":"ScheduleAnyway","labelSelector":{"matchLabels":{"app":"bench"}}}]`)
	case AntiAffinity:
		p.Affinity = json.RawMessage(`{"podAntiAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":[{"labelSelector":{"matchLabels":{"app":"bench"}},"topologyKey":"kubernetes.io/hostname"}]}}`)
	case Preferred:
		p.Affinity = json.RawMessage(`{"nodeAffinity":{"preferredDuringSchedulingIgnoredDuringExecution":[{"weight":50,"preference":{"matchExpressions":[{"key":"zone","operator":"In","values":["zone-1","zone-2"]}]}}]},` +
			`"podAffinity":{"preferredDuringSchedulingIgnoredDuringExecution":[{"weight":10,"podAffinityTerm":{"labelSelector":{"matchLabels":{"app":"bench"}},"topologyKey":"zone"}}]}}`)
	case Apps:
		app := fmt.Sprintf("app-%d", n%apps)
		p.Labels = map[string]string{"app": app}
		p.Affinity = json.RawMessage(`{"podAntiAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":[{"labelSelector":{"matchLabels":{"app":"` + app +
			`"}},"topologyKey":"kubernetes.io/hostname"}]}}`)
		p.TopologySpread = json.RawMessage(`[{"maxSkew":1,"topologyKey":"zone","whenUnsatisfiable":"ScheduleAnyway","labelSelector":{"matchLabels":{"app":"` + app + `"}}}]`)
	case Mixed:
		p.CPUMillis, p.MemoryBytes = int64(10+n%37), (60+int64(n%91))*mi
		p.Labels = map[string]string{"app": fmt.Sprintf("app-%d", n)}
		p.Affinity, p.Tolerations = inZones(n%zones, (n/10)%zones, (n/100)%zones, (n/1000)%zones, (n+5)%zones), tolerant()
		p.Tolerations[0].Value = "bench"
		p.NodeSelector = nil
	}
	return p
}

func tolerant() []core.Toleration {
	return []core.Toleration{{Key: "dedicated", Operator: "Equal", Value: "bench", Effect: core.EffectNoSchedule}}
}

func inZones(numbers ...int) json.RawMessage {
	names := make([]string, len(numbers))
	for i, n := range numbers {
		names[i] = fmt.Sprintf("zone-%d", n)
	}
	values, _ := json.Marshal(names)
	return json.RawMessage(`{"nodeAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":{"nodeSelectorTerms":[{"matchExpressions":[{"key":"zone","operator":"In","values":` +
		string(values) + `}]}]}}}`)
}
