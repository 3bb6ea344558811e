package core

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestPodStatuses(t *testing.T) {
	t.Parallel()
	for _, s := range PodStatuses {
		assert.True(t, s.Valid(), s)
		assert.False(t, s.Active() && s.Final(), s)
		assert.True(t, s.CanBecome(s), "said twice changes nothing")
		if s.Final() {
			for _, next := range PodStatuses {
				assert.Equal(t, s == next, s.CanBecome(next), "%s is the end", s)
			}
		}
		if s.Active() {
			assert.True(t, s.CanBecome(PodPending), "a node can be lost at any time")
			assert.True(t, s.CanBecome(PodFailed))
		}
		assert.False(t, s != PodPending && s != PodScheduled && s.CanBecome(PodScheduled), "only what is pending is placed")
	}
	for _, odd := range []PodStatus{"", "Running", "lost"} {
		assert.False(t, odd.Valid())
		assert.False(t, odd.CanBecome(odd))
		assert.False(t, odd.CanBecome(PodRunning))
		assert.False(t, PodPending.CanBecome(odd))
	}
	assert.False(t, PodRunning.CanBecome(PodStarting), "never back")
}

func TestRuntimes(t *testing.T) {
	t.Parallel()
	for tag, runs := range map[RuntimeTag][2]bool{TagNode: {true, false}, TagBrowser: {false, true}, TagUniversal: {true, true}} {
		assert.True(t, tag.Valid())
		assert.Equal(t, runs, [2]bool{tag.RunsOn(RuntimeNode), tag.RunsOn(RuntimeBrowser)}, tag)
	}
	assert.False(t, RuntimeTag("deno").Valid())
	assert.True(t, RuntimeNode.Valid() && RuntimeBrowser.Valid())
	assert.False(t, Runtime("deno").Valid())
}

// Kubernetes' own cases: k8s.io/api/core/v1 TestTolerationToleratesTaint.
func TestTolerates(t *testing.T) {
	t.Parallel()
	taint := Taint{Key: "foo", Value: "bar", Effect: EffectNoSchedule}
	for name, tc := range map[string]struct {
		toleration Toleration
		tolerates  bool
	}{
		"equal":                   {Toleration{Key: "foo", Operator: "Equal", Value: "bar", Effect: EffectNoSchedule}, true},
		"equal is the default":    {Toleration{Key: "foo", Value: "bar", Effect: EffectNoSchedule}, true},
		"any effect":              {Toleration{Key: "foo", Value: "bar"}, true},
		"exists":                  {Toleration{Key: "foo", Operator: "Exists", Effect: EffectNoSchedule}, true},
		"everything":              {Toleration{Operator: "Exists"}, true},
		"everything of an effect": {Toleration{Operator: "Exists", Effect: EffectNoSchedule}, true},
		"another effect":          {Toleration{Key: "foo", Operator: "Exists", Effect: EffectNoExecute}, false},
		"another key":             {Toleration{Key: "other", Operator: "Exists"}, false},
		"another value":           {Toleration{Key: "foo", Value: "other"}, false},
		"no key, equal":           {Toleration{Value: "bar"}, false},
		"an unknown operator":     {Toleration{Key: "foo", Operator: "Like", Value: "bar"}, false},
	} {
		assert.Equal(t, tc.tolerates, tc.toleration.Tolerates(taint), name)
	}
}

func TestQuantities(t *testing.T) {
	t.Parallel()
	for millis, text := range map[int64]string{0: "0", 1: "1m", 250: "250m", 1000: "1", 1500: "1500m", 64_000: "64"} {
		assert.Equal(t, text, FormatCPU(millis))
	}
	for bytes, text := range map[int64]string{0: "0", 1: "1", 1000: "1000", 1 << 10: "1Ki", 1536: "1536", 3 << 19: "1536Ki", 128 << 20: "128Mi", 1 << 40: "1Ti", 1 << 50: "1Pi",
		1 << 60: "1024Pi"} {
		assert.Equal(t, text, FormatMemory(bytes))
	}
}

// What a change did not carry is what it was; nothing is changed in place.
func TestFillFrom(t *testing.T) {
	t.Parallel()
	old := &Pod{ID: uuid.UUID{1}, Status: PodRunning, Env: map[string]string{"A": "b"}, Args: json.RawMessage(`[1]`), Metadata: json.RawMessage(`{"k":1}`),
		NodeSelector: map[string]string{"zone": "x"}, Tolerations: []Toleration{{Operator: "Exists"}}, Affinity: json.RawMessage(`{}`),
		Labels: map[string]string{"l": "m"}, Reason: "why"}
	bare := &Pod{ID: uuid.UUID{1}, Status: PodStopped}
	everything := PodEnv | PodArgs | PodMetadata | PodNodeSelector | PodTolerations | PodAffinity | PodLabels | PodReason
	filled := bare.FillFrom(old, everything)
	want := *old
	want.Status = PodStopped
	assert.Equal(t, &want, filled)
	assert.Equal(t, &Pod{ID: uuid.UUID{1}, Status: PodStopped}, bare)
	assert.Same(t, bare, bare.FillFrom(old, 0))
	assert.Same(t, bare, bare.FillFrom(nil, everything))
	assert.Nil(t, bare.FillFrom(old, PodArgs).Env)

	node := &Node{ID: uuid.UUID{2}, Labels: map[string]string{"a": "b"}, Taints: []Taint{{Key: "k"}}, RuntimeVersion: "v22"}
	empty := &Node{ID: uuid.UUID{2}}
	assert.Equal(t, node, empty.FillFrom(node, NodeLabels|NodeTaints|NodeRuntimeVersion))
	assert.Same(t, empty, empty.FillFrom(node, 0))
	assert.Same(t, empty, empty.FillFrom(nil, NodeLabels))
}

func TestErrors(t *testing.T) {
	t.Parallel()
	cause := errors.New("password=hunter22")
	err := Errorf(CodeNotFound, "no pod %q", "x").WithHint("List them.").WithCause(cause)
	wrapped := fmt.Errorf("get: %w", err)
	require.ErrorIs(t, wrapped, ErrNotFound)
	require.ErrorIs(t, wrapped, cause)
	require.NotErrorIs(t, wrapped, ErrForbidden)
	require.NotErrorIs(t, wrapped, Errorf(CodeNotFound, "no pod"), "two errors of a kind are not the same")
	assert.Equal(t, CodeNotFound, CodeOf(wrapped))
	assert.Equal(t, CodeInternal, CodeOf(cause))
	assert.Equal(t, `no pod "x"`, err.Message)
	assert.Contains(t, err.Error(), "hunter22", "for logs")
	assert.Equal(t, `NOT_FOUND: no pod "x"`, Errorf(CodeNotFound, "no pod %q", "x").Error())
	field := Invalid("name", "must be at most %d characters", 63)
	require.ErrorIs(t, field, ErrInvalid)
	assert.Equal(t, "name", field.Field)
	require.ErrorIs(t, Errorf(CodeUnavailable, "later: %w", cause), cause)
}
