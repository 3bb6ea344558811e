package celscore

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/backend/core"
)

func TestScores(t *testing.T) {
	t.Parallel()
	node := &core.Node{Name: "n1", Labels: map[string]string{"disk": "ssd"}, CPUMillis: 4000, MemoryBytes: 8 << 30, MaxPods: 110, Runtime: core.RuntimeNode, Access: core.AccessShared}
	for expression, want := range map[string]int32{
		`node.labels["disk"] == "ssd"`: 100, `node.labels["disk"] == "hdd"`: 0, `pod.namespace == "batch" ? 70 : 20`: 70, `node.cpuMillis / 100`: 40,
		`1000`: 100, `-5`: 0, `49.6`: 50, `0.0/0.0`: 0, `node.labels["none"] == "x"`: 0, `"none" in node.labels ? 80 : 30`: 30,
		`node.runtime == "node" && node.access == "shared" && node.name.startsWith("n") && node.maxPods > 100`: 100,
	} {
		scorer, err := Compile(expression)
		require.NoError(t, err, expression)
		require.Equal(t, want, scorer.Of("batch", node), expression)
	}
	scorer, err := Compile("")
	require.NoError(t, err)
	require.Nil(t, scorer)
}

func TestRefused(t *testing.T) {
	t.Parallel()
	for expression, say := range map[string]string{
		`node.lables["a"] == "b"`: "undeclared reference", `1 +`: "does not compile", `"text"`: "not a number or a boolean", `node.labels`: "not a number or a boolean",
		`now() > 1`: "undeclared reference", `"` + strings.Repeat("a", maxLength) + `" == ""`: "at most 2000 bytes",
	} {
		_, err := Compile(expression)
		require.Equal(t, core.CodeValidation, core.CodeOf(err), expression)
		require.ErrorContains(t, err, say)
	}
}

// What would take long is cut off, and is worth nothing.
func TestCostIsLimited(t *testing.T) {
	t.Parallel()
	labels := map[string]string{}
	for _, a := range "abcdefghijklmnopqrstuvwxyz" {
		labels[string(a)] = "x"
	}
	scorer, err := Compile(`node.labels.all(a, node.labels.all(b, node.labels.all(c, node.labels.all(d, a != "" && b != "" && c != "" && d != ""))))`)
	require.NoError(t, err)
	require.Zero(t, scorer.Of("x", &core.Node{Labels: labels}))
}
