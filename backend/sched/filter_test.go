package sched

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/backend/core"
)

// One row per filter and case: which filter refuses the pod on a node, "" when it is taken.
type filterCase struct {
	node func(*core.Node)
	pod  func(*core.Pod)
	want Filter
}

func runFilterCases(t *testing.T, cases map[string]filterCase) {
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			node, pod := someNode(1), somePod(1)
			if tc.node != nil {
				tc.node(node)
			}
			if tc.pod != nil {
				tc.pod(pod)
			}
			c := clusterOf(node)
			if tc.want == "" {
				require.Equal(t, []string{"node-1"}, homes(t, c, pod))
				return
			}
			why := whyNot(t, c, pod)
			require.Equal(t, map[Filter]int{tc.want: 1}, why.Filters, why.Text)
			require.Equal(t, tc.want, why.Closest[0].Filter)
			report := c.Explain(pod)
			require.Equal(t, tc.want, report.Verdicts[0].Refusals[0].Filter)
		})
	}
}

// Stark's own: a node takes pods while its agent is healthy, uncordoned and of the right runtime; the seed, "Scheduling Algorithm" 1.
func TestFilterNodeState(t *testing.T) {
	t.Parallel()
	runFilterCases(t, map[string]filterCase{
		"healthy":         {},
		"unhealthy":       {node: func(n *core.Node) { n.Status = core.NodeUnhealthy }, want: FilterHealth},
		"unknown":         {node: func(n *core.Node) { n.Status = core.NodeUnknown }, want: FilterHealth},
		"cordoned":        {node: func(n *core.Node) { n.Unschedulable = true }, want: FilterCordon},
		"another runtime": {node: func(n *core.Node) { n.Runtime = core.RuntimeBrowser }, want: FilterRuntime},
		"private": {node: func(n *core.Node) { n.Access, n.OwnerID = core.AccessPrivate, id('u', 1) },
			pod: func(p *core.Pod) { p.CreatedBy = id('u', 2) }, want: FilterAccess},
		"private, of nobody":   {node: func(n *core.Node) { n.Access = core.AccessPrivate }, want: FilterAccess},
		"private, the owner's": {node: func(n *core.Node) { n.Access, n.OwnerID = core.AccessPrivate, id('u', 1) }, pod: func(p *core.Pod) { p.CreatedBy = id('u', 1) }},
	})
}

// Stark's own: a pack may ask for a least runtime version; compared as semantic versions.
func TestFilterRuntimeVersion(t *testing.T) {
	t.Parallel()
	for version, want := range map[string]string{"v22.11.0": "node-1", "22.0.0": "node-1", "v20.19.0": "", "v22.0.0-rc.1": "", "Chrome": "", "": ""} {
		c := clusterOf(someNode(1, func(n *core.Node) { n.RuntimeVersion = version }))
		pack := *somePack
		pack.MinRuntimeVersion = "22.0.0"
		c.UpsertPack(&pack)
		require.Equal(t, []string{want}, homes(t, c, somePod(1)), "node has %q", version)
	}
	c := clusterOf(someNode(1))
	pack := *somePack
	pack.MinRuntimeVersion = "the newest"
	c.UpsertPack(&pack)
	require.True(t, ptr(whyNot(t, c, somePod(1))).Has(FilterVersion), "what cannot be read is met by nothing")
}

func ptr[T any](v T) *T { return &v }

// Kubernetes, "Assigning Pods to Nodes": nodeSelector and required node affinity; the operators are in core's tests.
func TestFilterNodeAffinity(t *testing.T) {
	t.Parallel()
	need := func(terms string) func(*core.Pod) {
		return affine(`{"nodeAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":{"nodeSelectorTerms":[` + terms + `]}}}`)
	}
	zone := func(op, values string) string {
		return `{"matchExpressions":[{"key":"zone","operator":"` + op + `","values":[` + values + `]}]}`
	}
	runFilterCases(t, map[string]filterCase{
		"nodeSelector":                  {pod: func(p *core.Pod) { p.NodeSelector = map[string]string{"zone": "z"} }},
		"nodeSelector, another value":   {pod: func(p *core.Pod) { p.NodeSelector = map[string]string{"zone": "y"} }, want: FilterSelector},
		"nodeSelector, no such label":   {pod: func(p *core.Pod) { p.NodeSelector = map[string]string{"disk": "ssd"} }, want: FilterSelector},
		"affinity":                      {pod: need(zone("In", `"y","z"`))},
		"affinity, another value":       {pod: need(zone("In", `"y"`)), want: FilterAffinity},
		"terms are ORed":                {pod: need(zone("In", `"y"`) + "," + zone("In", `"z"`))},
		"expressions are ANDed":         {pod: need(`{"matchExpressions":[{"key":"zone","operator":"Exists"},{"key":"disk","operator":"Exists"}]}`), want: FilterAffinity},
		"an empty term holds for none":  {pod: need(`{}`), want: FilterAffinity},
		"matchFields":                   {pod: need(`{"matchFields":[{"key":"metadata.name","operator":"In","values":["node-1"]}]}`)},
		"matchFields, another node":     {pod: need(`{"matchFields":[{"key":"metadata.name","operator":"In","values":["node-2"]}]}`), want: FilterAffinity},
		"the hostname label is implied": {pod: func(p *core.Pod) { p.NodeSelector = map[string]string{"kubernetes.io/hostname": "node-1"} }},
		"both must hold": {pod: func(p *core.Pod) {
			need(zone("In", `"z"`))(p)
			p.NodeSelector = map[string]string{"zone": "y"}
		}, want: FilterSelector},
	})
}

// Kubernetes, "Taints and Tolerations".
func TestFilterTaints(t *testing.T) {
	t.Parallel()
	gpu := core.Taint{Key: "dedicated", Value: "gpu", Effect: core.EffectNoSchedule}
	evict := core.Taint{Key: "drain", Effect: core.EffectNoExecute}
	tolerates := func(ts ...core.Toleration) func(*core.Pod) { return func(p *core.Pod) { p.Tolerations = ts } }
	seconds := int64(30)
	runFilterCases(t, map[string]filterCase{
		"NoSchedule":                     {node: tainted(gpu), want: FilterTaint},
		"NoExecute":                      {node: tainted(evict), want: FilterTaint},
		"PreferNoSchedule refuses none":  {node: tainted(core.Taint{Key: "old", Effect: core.EffectPreferNoSchedule})},
		"Equal":                          {tainted(gpu), tolerates(core.Toleration{Key: "dedicated", Operator: "Equal", Value: "gpu", Effect: core.EffectNoSchedule}), ""},
		"no operator is Equal":           {tainted(gpu), tolerates(core.Toleration{Key: "dedicated", Value: "gpu"}), ""},
		"Equal, another value":           {tainted(gpu), tolerates(core.Toleration{Key: "dedicated", Operator: "Equal", Value: "cpu"}), FilterTaint},
		"Exists":                         {tainted(gpu), tolerates(core.Toleration{Key: "dedicated", Operator: "Exists"}), ""},
		"an empty key with Exists":       {tainted(gpu, evict), tolerates(core.Toleration{Operator: "Exists"}), ""},
		"an empty key with Equal":        {tainted(gpu), tolerates(core.Toleration{Value: "gpu"}), FilterTaint},
		"another effect":                 {tainted(gpu), tolerates(core.Toleration{Key: "dedicated", Operator: "Exists", Effect: core.EffectNoExecute}), FilterTaint},
		"every taint must be tolerated":  {tainted(gpu, evict), tolerates(core.Toleration{Key: "dedicated", Operator: "Exists"}), FilterTaint},
		"tolerationSeconds are no limit": {tainted(evict), tolerates(core.Toleration{Key: "drain", Operator: "Exists", TolerationSeconds: &seconds}), ""},
	})
}

// kube-scheduler noderesources.Fits.
func TestFilterResources(t *testing.T) {
	t.Parallel()
	runFilterCases(t, map[string]filterCase{
		"exactly":                    {pod: asks(4000, 8*gi)},
		"cpu":                        {pod: asks(4001, 0), want: FilterCPU},
		"memory":                     {pod: asks(0, 8*gi+1), want: FilterMemory},
		"pods":                       {node: func(n *core.Node) { n.MaxPods = 0 }, want: FilterPods},
		"nothing of nothing":         {node: func(n *core.Node) { n.CPUMillis, n.MemoryBytes = 0, 0 }, pod: asks(0, 0)},
		"a negative request is none": {node: func(n *core.Node) { n.CPUMillis = 0 }, pod: asks(-5, 0)},
	})
	t.Run("an overcommitted node takes what asks for nothing of it", func(t *testing.T) {
		t.Parallel()
		c := clusterOf(someNode(1))
		c.Place(somePod(1, asks(9000, 0)), nodeID(1))
		require.Equal(t, []string{"node-1", ""}, homes(t, c, somePod(2, asks(0, gi)), somePod(3, asks(1, 0))))
	})
	t.Run("stopping pods keep their room until they are gone", func(t *testing.T) {
		t.Parallel()
		c := clusterOf(someNode(1))
		pod := somePod(1, asks(4000, 0), func(p *core.Pod) { p.Status = core.PodStopping })
		c.Place(pod, nodeID(1))
		require.Equal(t, []string{""}, homes(t, c, somePod(2)))
		c.Remove(pod.ID)
		require.Equal(t, []string{"node-1"}, homes(t, c, somePod(2)))
	})
}

// Kubernetes, "Resource Quotas"; the seed, "Scheduling Algorithm" 6.
func TestFilterQuota(t *testing.T) {
	t.Parallel()
	c := clusterOf(someNode(1), someNode(2))
	pods, cpu := int64(3), int64(500)
	c.UpsertNamespace(&core.Namespace{Name: "default", Quota: core.Quota{MaxPods: &pods, MaxCPUMillis: &cpu}})
	require.Equal(t, []string{"node-1", ""}, sortedNames(homes(t, c, somePod(1, asks(300, 0)), somePod(2, asks(300, 0)))))
	why := whyNot(t, c, somePod(3, asks(201, 0)))
	require.Equal(t, map[Filter]int{FilterQuota: 2}, why.Filters)
	require.Equal(t, "quota of namespace default: cpu (needs 201m, 200m of 500m left)", why.Text)
	require.NotContains(t, homes(t, c, somePod(4, asks(0, 0)), somePod(5, asks(200, 0))), "")
	require.Contains(t, whyNot(t, c, somePod(6, asks(0, 0))).Text, "3 of 3 pods")
	require.NotContains(t, homes(t, c, somePod(7, func(p *core.Pod) { p.Namespace = "other" })), "", "another namespace has its own")
	c.UpsertNamespace(&core.Namespace{Name: "default"})
	require.NotContains(t, homes(t, c, somePod(6, asks(0, 0))), "")
}

// sortedNames hides which of two equal nodes it was.
func sortedNames(names []string) []string {
	for i := range names {
		if names[i] != "" {
			names[i] = "node-1"
		}
	}
	return names
}

// What cannot be read is never placed, and says what is wrong.
func TestFilterNonsense(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]func(*core.Pod){
		"affinity":                     affine(`{"nodeAffinity":7}`),
		`unknown field "podAfinity"`:   affine(`{"podAfinity":{}}`),
		"topologySpreadConstraints[0]": spreading(`[{"maxSkew":-1}]`),
		"stark.dev/gang-size":          podLabels(core.LabelGang, "g", core.LabelGangSize, "all"),
	} {
		c := clusterOf(someNode(1))
		why := whyNot(t, c, somePod(1, change))
		require.Equal(t, map[Filter]int{FilterInvalid: 1}, why.Filters)
		require.Contains(t, why.Text, want)
	}
	c := clusterOf(someNode(1))
	require.True(t, ptr(whyNot(t, c, somePod(1, func(p *core.Pod) { p.PackID = id('k', 9) }))).Has(FilterPack))
	c.Place(somePod(2, affine(`{"podAntiAffinity":`)), nodeID(1))
	require.Equal(t, []string{"node-1"}, homes(t, c, somePod(3)), "a running pod that cannot be read is in nobody's way")
}

// Whatever a pod's affinity and spread say, deciding ends: with a place, or with a reason.
func FuzzDecide(f *testing.F) {
	f.Add(`{"podAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":[{"labelSelector":{},"topologyKey":"zone","namespaceSelector":{}}]}}`, `[]`)
	f.Add(`{"podAntiAffinity":{"preferredDuringSchedulingIgnoredDuringExecution":[{"weight":1,"podAffinityTerm":{"topologyKey":"kubernetes.io/hostname"}}]}}`,
		`[{"maxSkew":2147483647,"topologyKey":"zone","whenUnsatisfiable":"ScheduleAnyway"}]`)
	f.Add(`{"nodeAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":{"nodeSelectorTerms":[{"matchExpressions":[{"key":"zone","operator":"Gt","values":["9223372036854775807"]}]}]}}}`,
		`[{"maxSkew":1,"topologyKey":"kubernetes.io/hostname","whenUnsatisfiable":"DoNotSchedule","minDomains":2147483647,"labelSelector":{}}]`)
	f.Fuzz(func(t *testing.T, affinity, spread string) {
		c := clusterOf(zoned(1, "a"), zoned(2, "b"), someNode(3, labelled()))
		pods := []*core.Pod{somePod(1, affine(affinity), spreading(spread), podLabels("app", "x")), somePod(2, affine(affinity), spreading(spread)),
			somePod(3, asks(4000, 0), prioritised(1)), somePod(4, asks(4000, 0), prioritised(1), affine(affinity)), somePod(5)}
		plan := c.Decide(pods, Options{})
		require.Equal(t, len(pods), len(plan.Placements)+len(plan.Unschedulable)+plan.Deferred)
		for _, u := range plan.Unschedulable {
			require.NotEmpty(t, u.Explanation.Filters)
			require.NotEmpty(t, u.Explanation.Text)
		}
		c.Explain(pods[0])
	})
}
