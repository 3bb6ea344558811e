package core

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Kubernetes, "Labels and Selectors" and k8s.io/apimachinery labels.Requirement.Matches.
func TestRequirementMatches(t *testing.T) {
	t.Parallel()
	labels := map[string]string{"zone": "a", "gen": "7", "word": "x"}
	for name, tc := range map[string]struct {
		r    Requirement
		want bool
	}{
		"In":                            {Requirement{"zone", OpIn, []string{"b", "a"}}, true},
		"In, another value":             {Requirement{"zone", OpIn, []string{"b"}}, false},
		"In, no label":                  {Requirement{"rack", OpIn, []string{""}}, false},
		"NotIn":                         {Requirement{"zone", OpNotIn, []string{"b"}}, true},
		"NotIn, the value":              {Requirement{"zone", OpNotIn, []string{"a"}}, false},
		"NotIn holds without the label": {Requirement{"rack", OpNotIn, []string{"a"}}, true},
		"Exists":                        {Requirement{"zone", OpExists, nil}, true},
		"Exists, no label":              {Requirement{"rack", OpExists, nil}, false},
		"DoesNotExist":                  {Requirement{"rack", OpDoesNotExist, nil}, true},
		"DoesNotExist, label":           {Requirement{"zone", OpDoesNotExist, nil}, false},
		"Gt":                            {Requirement{"gen", OpGt, []string{"6"}}, true},
		"Gt, equal":                     {Requirement{"gen", OpGt, []string{"7"}}, false},
		"Lt":                            {Requirement{"gen", OpLt, []string{"10"}}, true},
		"Lt compares numbers not text":  {Requirement{"gen", OpLt, []string{"60"}}, true},
		"Gt, not a number":              {Requirement{"word", OpGt, []string{"1"}}, false},
		"Gt, no label":                  {Requirement{"rack", OpGt, []string{"1"}}, false},
		"unknown operator":              {Requirement{"zone", "Near", []string{"a"}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, tc.want, tc.r.Matches(labels))
		})
	}
}

// k8s.io/apimachinery metav1.LabelSelectorAsSelector: nil selects nothing, empty selects everything.
func TestLabelSelectorMatches(t *testing.T) {
	t.Parallel()
	labels := map[string]string{"app": "x", "tier": "web"}
	var none *LabelSelector
	require.False(t, none.Matches(labels))
	require.True(t, (&LabelSelector{}).Matches(labels))
	require.True(t, (&LabelSelector{}).Matches(nil))
	require.True(t, (&LabelSelector{MatchLabels: map[string]string{"app": "x"}}).Matches(labels))
	require.False(t, (&LabelSelector{MatchLabels: map[string]string{"app": "x", "tier": "db"}}).Matches(labels))
	both := &LabelSelector{MatchLabels: map[string]string{"app": "x"}, MatchExpressions: []Requirement{{"tier", OpNotIn, []string{"web"}}}}
	require.False(t, both.Matches(labels), "all parts must hold")
}

// Kubernetes, "Assigning Pods to Nodes", matchLabelKeys and mismatchLabelKeys.
func TestLabelSelectorWith(t *testing.T) {
	t.Parallel()
	s := &LabelSelector{MatchLabels: map[string]string{"app": "x"}}
	own := map[string]string{"app": "x", "version": "2"}
	same := s.With(own, []string{"version", "absent"}, nil)
	require.True(t, same.Matches(own))
	require.False(t, same.Matches(map[string]string{"app": "x", "version": "1"}))
	other := s.With(own, nil, []string{"version"})
	require.False(t, other.Matches(own))
	require.True(t, other.Matches(map[string]string{"app": "x", "version": "1"}))
	require.Empty(t, s.MatchExpressions, "the selector itself stays as it was")
	require.Nil(t, (*LabelSelector)(nil).With(own, []string{"version"}, nil))
}

// k8s.io/component-helpers nodeaffinity: terms are ORed, what is in a term is ANDed, an empty term holds for nothing.
func TestNodeSelectorMatches(t *testing.T) {
	t.Parallel()
	node := &Node{Name: "n1", Labels: map[string]string{"zone": "a"}}
	in := func(v string) Requirement { return Requirement{"zone", OpIn, []string{v}} }
	name := func(v string) Requirement { return Requirement{FieldName, OpIn, []string{v}} }
	require.True(t, (*NodeSelector)(nil).Matches(node))
	require.False(t, (&NodeSelector{}).Matches(node))
	require.False(t, (&NodeSelector{Terms: []NodeSelectorTerm{{}}}).Matches(node))
	require.True(t, (&NodeSelector{Terms: []NodeSelectorTerm{{MatchExpressions: []Requirement{in("b")}}, {MatchExpressions: []Requirement{in("a")}}}}).Matches(node))
	require.False(t, (&NodeSelector{Terms: []NodeSelectorTerm{{MatchExpressions: []Requirement{in("a"), in("b")}}}}).Matches(node))
	require.True(t, (&NodeSelector{Terms: []NodeSelectorTerm{{MatchFields: []Requirement{name("n1")}, MatchExpressions: []Requirement{in("a")}}}}).Matches(node))
	require.False(t, (&NodeSelector{Terms: []NodeSelectorTerm{{MatchFields: []Requirement{name("n2")}}}}).Matches(node))
	host, ok := node.Label(LabelHostname)
	require.True(t, ok)
	require.Equal(t, "n1", host, "a node without the label is its own host")
}

// Every text must come back as an error that names the place, never as a constraint that was silently dropped.
func TestParseAffinityRefuses(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`[]`:                            "affinity",
		`{`:                             "affinity",
		`{} {}`:                         "more than one JSON value",
		`{"nodeAfinity":{}}`:            `unknown field "nodeAfinity"`,
		`{"nodeAffinity":"everywhere"}`: "affinity",
		`{"nodeAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":{"nodeSelectorTerms":[]}}}`:                                                                               "must not be empty",
		`{"nodeAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":{"nodeSelectorTerms":[{"matchExpressions":[{"key":"z","operator":"In"}]}]}}}`:                             "needs values",
		`{"nodeAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":{"nodeSelectorTerms":[{"matchExpressions":[{"key":"z","operator":"Gt","values":["x"]}]}]}}}`:              "needs an integer",
		`{"nodeAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":{"nodeSelectorTerms":[{"matchExpressions":[{"key":"z","operator":"Gt","values":["1","2"]}]}]}}}`:          "exactly one value",
		`{"nodeAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":{"nodeSelectorTerms":[{"matchExpressions":[{"key":"z","operator":"Exists","values":["1"]}]}]}}}`:          "takes no values",
		`{"nodeAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":{"nodeSelectorTerms":[{"matchExpressions":[{"operator":"Exists"}]}]}}}`:                                   "key is missing",
		`{"nodeAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":{"nodeSelectorTerms":[{"matchExpressions":[{"key":"z","operator":"Near"}]}]}}}`:                           "unknown operator",
		`{"nodeAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":{"nodeSelectorTerms":[{"matchFields":[{"key":"spec.x","operator":"In","values":["1"]}]}]}}}`:              "metadata.name",
		`{"nodeAffinity":{"preferredDuringSchedulingIgnoredDuringExecution":[{"weight":0,"preference":{}}]}}`:                                                                        "weight must be 1 to 100",
		`{"podAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":[{"labelSelector":{}}]}}`:                                                                                  "topologyKey is missing",
		`{"podAntiAffinity":{"preferredDuringSchedulingIgnoredDuringExecution":[{"weight":101,"podAffinityTerm":{"topologyKey":"z"}}]}}`:                                             "podAntiAffinity.preferred[0]: weight",
		`{"podAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":[{"topologyKey":"z","labelSelector":{"matchExpressions":[{"key":"a","operator":"Gt","values":["1"]}]}}]}}`: "unknown operator",
	} {
		_, err := ParseAffinity(json.RawMessage(text))
		require.ErrorContains(t, err, want, text)
	}
	for _, text := range []string{"", "null", "{}", `{"nodeAffinity":null}`} {
		a, err := ParseAffinity(json.RawMessage(text))
		require.NoError(t, err, text)
		require.Equal(t, Affinity{}, a)
	}
}

func TestParseTopologySpreadRefuses(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{}`: "topologySpreadConstraints",
		`[{"maxSkew":0,"topologyKey":"z","whenUnsatisfiable":"DoNotSchedule"}]`:                                    "maxSkew",
		`[{"maxSkew":1,"whenUnsatisfiable":"DoNotSchedule"}]`:                                                      "topologyKey",
		`[{"maxSkew":1,"topologyKey":"z"}]`:                                                                        "whenUnsatisfiable",
		`[{"maxSkew":1,"topologyKey":"z","whenUnsatisfiable":"DoNotSchedule","minDomains":0}]`:                     "minDomains",
		`[{"maxSkew":1,"topologyKey":"z","whenUnsatisfiable":"ScheduleAnyway","minDomains":2}]`:                    "minDomains goes only",
		`[{"maxSkew":1,"topologyKey":"z","whenUnsatisfiable":"ScheduleAnyway","nodeTaintsPolicy":"Maybe"}]`:        "Honor or Ignore",
		`[{"maxSkew":1,"topologyKey":"z","whenUnsatisfiable":"ScheduleAnyway","labelSelector":{"matchLabel":{}}}]`: "unknown field",
	} {
		_, err := ParseTopologySpread(json.RawMessage(text))
		require.ErrorContains(t, err, want, text)
	}
}

func TestParseQuota(t *testing.T) {
	t.Parallel()
	q, err := ParseQuota(json.RawMessage(`{"maxPods":100,"maxCpu":"2500m","maxMemory":"8Gi"}`))
	require.NoError(t, err)
	require.Equal(t, []int64{100, 2500, 8 << 30}, []int64{*q.MaxPods, *q.MaxCPUMillis, *q.MaxMemoryBytes})
	q, err = ParseQuota(json.RawMessage(`{"maxCpu":"4"}`))
	require.NoError(t, err)
	require.Equal(t, int64(4000), *q.MaxCPUMillis)
	require.Nil(t, q.MaxPods)
	for _, bad := range []string{`{"maxCpu":"many"}`, `{"maxCpu":"-1"}`, `{"maxMemory":"9999999999Pi"}`, `{"maxPods":1.5}`, `{"pods":1}`} {
		_, err := ParseQuota(json.RawMessage(bad))
		require.Error(t, err, bad)
	}
}

func TestGangOf(t *testing.T) {
	t.Parallel()
	g, ok, err := GangOf(&Pod{Namespace: "ns", Labels: map[string]string{LabelGang: "train", LabelGangSize: "4"}})
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, Gang{"ns", "train", 4}, g)
	_, ok, err = GangOf(&Pod{})
	require.NoError(t, err)
	require.False(t, ok)
	for _, size := range []string{"", "0", "-1", "few"} {
		_, _, err = GangOf(&Pod{Labels: map[string]string{LabelGang: "train", LabelGangSize: size}})
		require.ErrorContains(t, err, LabelGangSize)
	}
}

// Whatever the text, parsing ends, and what it accepts survives being written and read again.
func FuzzParseAffinity(f *testing.F) {
	f.Add(`{"nodeAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":{"nodeSelectorTerms":[{"matchExpressions":[{"key":"zone","operator":"In","values":["a"]}],"matchFields":[{"key":"metadata.name","operator":"In","values":["n"]}]}]},"preferredDuringSchedulingIgnoredDuringExecution":[{"weight":1,"preference":{}}]}}`)
	f.Add(`{"podAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":[{"labelSelector":{"matchLabels":{"a":"b"}},"topologyKey":"zone","namespaces":["x"],"namespaceSelector":{}}]},"podAntiAffinity":{"preferredDuringSchedulingIgnoredDuringExecution":[{"weight":100,"podAffinityTerm":{"topologyKey":"h","matchLabelKeys":["v"],"mismatchLabelKeys":["w"]}}]}}`)
	f.Add(`[{"maxSkew":1,"topologyKey":"zone","whenUnsatisfiable":"DoNotSchedule","minDomains":3,"labelSelector":{"matchExpressions":[{"key":"a","operator":"NotIn","values":["b"]}]},"nodeAffinityPolicy":"Ignore","nodeTaintsPolicy":"Honor","matchLabelKeys":["v"]}]`)
	f.Add(`{"maxPods":1,"maxCpu":"4","maxMemory":"8Gi"}`)
	f.Add(strings.Repeat(`[`, 100))
	node, labels := &Node{Name: "n", Labels: map[string]string{"zone": "a"}}, map[string]string{"a": "b"}
	f.Fuzz(func(t *testing.T, text string) {
		if a, err := ParseAffinity(json.RawMessage(text)); err == nil {
			if a.Node != nil {
				a.Node.Required.Matches(node)
			}
			again, err := json.Marshal(a)
			require.NoError(t, err)
			_, err = ParseAffinity(again)
			require.NoError(t, err, "%s became %s", text, again)
		}
		if s, err := ParseTopologySpread(json.RawMessage(text)); err == nil {
			for _, c := range s {
				c.LabelSelector.With(labels, c.MatchLabelKeys, nil).Matches(labels)
			}
		}
		_, _ = ParseQuota(json.RawMessage(text))
	})
}
