package wire

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/backend/core"
)

const goodFrame = `{"type":"x","payload":{},"timestamp":"2026-11-24T08:34:00.5+01:00"}`

func TestParseEnvelope(t *testing.T) {
	t.Parallel()
	data := []byte(`{"type":"node:heartbeat","payload":{"pods":1},"timestamp":"2026-11-24T08:34:00.123Z","correlationId":"c","later":1}`)
	env, err := ParseEnvelope(data)
	require.NoError(t, err)
	clear(data) // buffers are used again: nothing may point into them
	assert.Equal(t, TypeNodeHeartbeat, env.Type)
	assert.JSONEq(t, `{"pods":1}`, string(env.Payload))
	assert.Equal(t, time.Date(2026, 11, 24, 8, 34, 0, 123e6, time.UTC), env.Timestamp.UTC())
	assert.Equal(t, "c", env.CorrelationID)
	_, err = ParseEnvelope([]byte(goodFrame))
	require.NoError(t, err)
	atLimit := goodFrame + strings.Repeat(" ", MaxFrame-len(goodFrame))
	_, err = ParseEnvelope([]byte(atLimit))
	require.NoError(t, err, "exactly 1 MiB")
	for name, bad := range map[string]string{
		"a byte more": atLimit + " ", "not UTF-8": strings.Replace(goodFrame, `"x"`, "\"\xff\"", 1), "half a surrogate in UTF-8": strings.Replace(goodFrame, `"x"`, "\"\xed\xa0\x80\"", 1),
		"blank": " ", "number": "7", "type too long": strings.Replace(goodFrame, `"x"`, `"`+strings.Repeat("x", 65)+`"`, 1),
		"correlation id too long": strings.TrimSuffix(goodFrame, "}") + `,"correlationId":"` + strings.Repeat("x", 129) + `"}`,
		"a date":                  strings.Replace(goodFrame, "2026-11-24T08:34:00.5+01:00", "2026-11-24", 1),
		"a month 13":              strings.Replace(goodFrame, "2026-11", "2026-13", 1),
	} {
		_, err := ParseEnvelope([]byte(bad))
		require.ErrorIs(t, err, ErrBadFrame, name)
		assert.Less(t, len(err.Error()), 200, name)
	}
}

func TestEncode(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 24, 9, 34, 0, 123_456_789, time.FixedZone("CET", 3600))
	frame, err := Encode(TypePodStop, PodStop{Reason: "stale"}, now, "")
	require.NoError(t, err)
	assert.JSONEq(t, `{"type":"pod:stop","payload":{"podId":"00000000-0000-0000-0000-000000000000","incarnation":0,"reason":"stale","gracePeriodMs":0},
		"timestamp":"2026-11-24T08:34:00.123Z"}`, string(frame))

	_, err = Encode(TypePodAssign, PodAssign{Args: json.RawMessage(`[1,`)}, now, "")
	require.Error(t, err, "raw JSON that is none is an error and no panic")
	_, err = Encode(TypePodAssign, PodAssign{Metadata: json.RawMessage(`{"a":"` + strings.Repeat("x", MaxFrame) + `"}`)}, now, "")
	require.ErrorIs(t, err, ErrTooLarge)
	_, err = Encode(TypeError, func() {}, now, "")
	require.Error(t, err)
	_, err = Encode(TypeError, struct{}{}, now.AddDate(9000, 0, 0), "")
	require.Error(t, err)
}

func TestAssignmentOf(t *testing.T) {
	t.Parallel()
	pack := &core.Pack{Name: "hello", Version: "1.0.0", Tag: core.TagUniversal, BundlePath: "u/hello.js", BundleSHA256: "00", BundleSize: 7}
	bare := AssignmentOf(&core.Pod{GracePeriod: 1500 * time.Millisecond}, pack)
	assert.Equal(t, map[string]string{}, bare.Env)
	assert.JSONEq(t, `[]`, string(bare.Args))
	assert.JSONEq(t, `{}`, string(bare.Metadata))
	assert.EqualValues(t, 1500, bare.GracePeriodMS)
	assert.Equal(t, Bundle{Bucket: "packs", Path: "u/hello.js", SHA256: "00", Size: 7}, bare.Pack.Bundle)
	full := AssignmentOf(&core.Pod{Env: map[string]string{"A": "b"}, Args: json.RawMessage(`[1]`), Metadata: json.RawMessage(`{"k":1}`)}, pack)
	assert.Equal(t, map[string]string{"A": "b"}, full.Env)
	assert.JSONEq(t, `[1]`, string(full.Args))
	assert.JSONEq(t, `{"k":1}`, string(full.Metadata))
}

// The bounds of what an agent may send, each just reached and just passed.
func TestBounds(t *testing.T) {
	t.Parallel()
	at := time.Now()
	status := func(change func(*PodStatus)) PodStatus {
		p := PodStatus{PodID: uuid.New(), Incarnation: 1, Status: core.PodFailed, At: at}
		change(&p)
		return p
	}
	quoted := func(n int) json.RawMessage { return json.RawMessage(`"` + strings.Repeat("x", n-2) + `"`) }
	logs := func(lines int, text string) PodLogs {
		return PodLogs{PodID: uuid.New(), Incarnation: 1, Lines: make([]LogLine, lines)}.fill(LogLine{At: at, Stream: "stderr", Text: text})
	}
	for name, tc := range map[string]struct{ good, bad Payload }{
		"reason":  {ptr(status(func(p *PodStatus) { p.Reason = strings.Repeat("x", 64) })), ptr(status(func(p *PodStatus) { p.Reason = strings.Repeat("x", 65) }))},
		"message": {ptr(status(func(p *PodStatus) { p.Message = strings.Repeat("x", MaxMessageBytes) })), ptr(status(func(p *PodStatus) { p.Message = strings.Repeat("x", MaxMessageBytes+1) }))},
		"result":  {ptr(status(func(p *PodStatus) { p.Result = quoted(MaxResultBytes) })), ptr(status(func(p *PodStatus) { p.Result = quoted(MaxResultBytes + 1) }))},
		"lines":   {ptr(logs(MaxLogLines, "x")), ptr(logs(MaxLogLines+1, "x"))},
		"text":    {ptr(logs(1, strings.Repeat("x", MaxLogLineBytes))), ptr(logs(1, strings.Repeat("x", MaxLogLineBytes+1)))},
		"held":    {&NodeRegister{}, ptr(register(MaxHeldPods + 1))},
	} {
		if name == "held" {
			tc.good = ptr(register(3))
		}
		require.NoError(t, tc.good.validate(), name)
		require.Error(t, tc.bad.validate(), name)
	}
}

func ptr[T any](v T) *T { return &v }

func (p PodLogs) fill(line LogLine) PodLogs {
	for i := range p.Lines {
		p.Lines[i] = line
	}
	return p
}

func register(held int) NodeRegister {
	r := NodeRegister{Name: "a", RuntimeType: core.RuntimeNode, BootID: uuid.New(), Resources: NodeResources{CPU: "1", Memory: "1Gi"}}
	for range held {
		r.Pods = append(r.Pods, HeldPod{PodID: uuid.New(), Incarnation: 1, Status: core.PodRunning})
	}
	return r
}

// Postgres has no place for NUL in text.
func TestTextIsMadeStorable(t *testing.T) {
	t.Parallel()
	env := Envelope{Type: TypePodStatus, Payload: json.RawMessage(`{"podId":"11111111-2222-4333-8444-555555555555","incarnation":1,"status":"failed",
		"reason":"a\u0000","message":"\u0000b","at":"2026-11-24T08:34:00Z"}`)}
	status, err := ParsePayload[PodStatus](env)
	require.NoError(t, err)
	assert.Equal(t, "a\uFFFD", status.Reason)
	assert.Equal(t, "\uFFFDb", status.Message)
	complaint := ErrorFrame{Code: strings.Repeat("x", 100), Message: strings.Repeat("y", 5000) + "\x00"}
	require.NoError(t, complaint.validate())
	assert.Len(t, complaint.Code, 64)
	assert.Len(t, complaint.Message, 1024)
}

func TestProblemsAreNamedWithoutQuotingTheInput(t *testing.T) {
	t.Parallel()
	_, err := ParsePayload[NodeHeartbeat](Envelope{Type: TypeNodeHeartbeat, Payload: json.RawMessage(`{"usage":{"cpuMillis":"secret"}}`)})
	require.ErrorIs(t, err, ErrBadFrame)
	assert.Contains(t, err.Error(), "usage.cpuMillis")
	assert.NotContains(t, err.Error(), "secret")
	_, err = ParsePayload[PodStatus](Envelope{Type: TypePodStatus, Payload: json.RawMessage(`{"podId":"secret"}`)})
	require.ErrorIs(t, err, ErrBadFrame)
	assert.NotContains(t, err.Error(), "secret")
}

func FuzzParseEnvelope(f *testing.F) {
	f.Add([]byte(goodFrame))
	f.Add([]byte(`{"type":"auth:authenticate","payload":{"token":"a","protocol":1},"timestamp":"2026-11-24T08:34:00.123Z","correlationId":"c"}`))
	f.Add([]byte(`{"type":"x","payload":[],"timestamp":""}`))
	f.Add([]byte("\xff{}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		env, err := ParseEnvelope(data)
		if err != nil {
			require.ErrorIs(t, err, ErrBadFrame)
			return
		}
		require.True(t, json.Valid(env.Payload))
		require.Equal(t, byte('{'), bytes.TrimSpace(env.Payload)[0])
		if len(data) > MaxFrame/8 || env.Timestamp.UTC().Year() > 9999 || env.Timestamp.UTC().Year() < 0 {
			return // what is escaped anew can outgrow the limit; and such a time is not ours to write
		}
		frame, err := Encode(env.Type, env.Payload, env.Timestamp, env.CorrelationID)
		require.NoError(t, err)
		again, err := ParseEnvelope(frame)
		require.NoError(t, err)
		require.Equal(t, env.Type, again.Type)
		require.Equal(t, env.CorrelationID, again.CorrelationID)
		require.JSONEq(t, string(env.Payload), string(again.Payload))
	})
}

// FuzzParsePayload: whatever an agent sends, a parser answers with a value that can be sent on or with ErrBadFrame.
func FuzzParsePayload(f *testing.F) {
	for _, seed := range []string{
		`{"token":"a","protocol":1,"agent":{"name":"x","version":"y"}}`, `{"pods":1,"usage":{"cpuMillis":1,"memoryBytes":2}}`, `{"reason":"x"}`,
		`{"name":"a","runtimeType":"node","bootId":"11111111-2222-4333-8444-555555555555","resources":{"cpu":"1","memory":"1Gi","pods":1},"pods":[],"capabilities":{"a":1}}`,
		`{"podId":"11111111-2222-4333-8444-555555555555","incarnation":1,"status":"failed","message":"\u0000","result":{"a":[1]},"at":"2026-11-24T08:34:00Z"}`,
		`{"podId":"11111111-2222-4333-8444-555555555555","incarnation":1,"lines":[{"at":"2026-11-24T08:34:00Z","stream":"stdout","text":"x"}],"dropped":1}`,
		`{"code":"x","message":"y"}`,
	} {
		f.Add([]byte(seed))
	}
	kinds := []Type{TypeAuthenticate, TypeNodeRegister, TypeNodeHeartbeat, TypeNodeDisconnect, TypePodStatus, TypePodLogs, TypeError}
	f.Fuzz(func(t *testing.T, payload []byte) {
		for _, kind := range kinds {
			data := append(append([]byte(`{"type":"`+kind+`","timestamp":"2026-11-24T08:34:00Z","payload":`), payload...), '}')
			value, err := read(data)
			if err != nil {
				require.ErrorIs(t, err, ErrBadFrame)
				continue
			}
			_, err = json.Marshal(value)
			require.NoError(t, err)
		}
	})
}
