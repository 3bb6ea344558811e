package wire

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The goldens are the contract in examples. The agent's tests read the same files.
const goldens = "../../tests/contract/frames"

func golden(t *testing.T, folder string) map[string][]byte {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(goldens, folder, "*.json"))
	require.NoError(t, err)
	require.NotEmpty(t, paths, "no goldens in %s", folder)
	frames := map[string][]byte{}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		require.NoError(t, err)
		frames[strings.TrimSuffix(filepath.Base(path), ".json")] = data
	}
	return frames
}

// read parses the frame of an agent as the hub does, and gives its payload back.
func read(data []byte) (any, error) {
	env, err := ParseEnvelope(data)
	if err != nil {
		return nil, err
	}
	parse, known := map[Type]func(Envelope) (any, error){
		TypeAuthenticate: as[Authenticate], TypeNodeRegister: as[NodeRegister], TypeNodeHeartbeat: as[NodeHeartbeat],
		TypeNodeDisconnect: as[NodeDisconnect], TypePodStatus: as[PodStatus], TypePodLogs: as[PodLogs], TypeError: as[ErrorFrame],
	}[env.Type]
	if !known {
		return nil, ErrBadFrame
	}
	return parse(env)
}

func as[T any, P interface {
	*T
	Payload
}](env Envelope) (any, error) {
	return ParsePayload[T, P](env)
}

func TestFramesOfAgentsAreUnderstood(t *testing.T) {
	t.Parallel()
	types := map[string]bool{}
	for name, data := range golden(t, "agent") {
		payload, err := read(data)
		if !assert.NoError(t, err, name) {
			continue
		}
		var frame struct {
			Type    string
			Payload any
		}
		require.NoError(t, json.Unmarshal(data, &frame))
		types[frame.Type] = true
		again, err := json.Marshal(payload)
		require.NoError(t, err)
		var understood any
		require.NoError(t, json.Unmarshal(again, &understood))
		holds(t, name, frame.Payload, understood)
	}
	for _, kind := range []Type{TypeAuthenticate, TypeNodeRegister, TypeNodeHeartbeat, TypeNodeDisconnect, TypePodStatus, TypePodLogs, TypeError} {
		assert.True(t, types[string(kind)], "no golden of %s", kind)
	}
}

// holds checks that everything said arrived.
func holds(t *testing.T, where string, said, understood any) {
	t.Helper()
	want, isObject := said.(map[string]any)
	if !isObject {
		assert.Equal(t, said, understood, where)
		return
	}
	got, isObject := understood.(map[string]any)
	require.True(t, isObject, "%s is lost", where)
	for key, value := range want {
		holds(t, where+"."+key, value, got[key])
	}
}

func TestInvalidFramesOfAgentsAreRefused(t *testing.T) {
	t.Parallel()
	for name, data := range golden(t, "agent/invalid") {
		payload, err := read(data)
		require.ErrorIs(t, err, ErrBadFrame, "%s was understood as %+v", name, payload)
		if strings.HasPrefix(name, "envelope.") {
			_, err := ParseEnvelope(data)
			require.ErrorIs(t, err, ErrBadFrame, name)
		}
	}
	for name, data := range golden(t, "server/invalid") {
		if strings.HasPrefix(name, "envelope.") {
			_, err := ParseEnvelope(data)
			require.ErrorIs(t, err, ErrBadFrame, name)
		}
	}
}

// What we send is exactly what the goldens show.
func TestFramesOfServersAreWritten(t *testing.T) {
	t.Parallel()
	types := map[Type]bool{}
	for name, data := range golden(t, "server") {
		env, err := ParseEnvelope(data)
		require.NoError(t, err, name)
		types[env.Type] = true
		payload, known := map[Type]any{
			TypeAuthenticated: &Authenticated{}, TypeNodeRegistered: &NodeRegistered{}, TypeHeartbeatAck: &NodeHeartbeatAck{}, TypePodAssign: &PodAssign{},
			TypePodStop: &PodStop{}, TypePodStatusAck: &PodStatusAck{}, TypeError: &ErrorFrame{},
		}[env.Type]
		require.True(t, known, "%s: %s is no frame of ours", name, env.Type)
		require.NoError(t, json.Unmarshal(env.Payload, payload), name)
		frame, err := Encode(env.Type, payload, env.Timestamp, env.CorrelationID)
		require.NoError(t, err, name)
		assert.JSONEq(t, string(data), string(frame), name)
	}
	for _, kind := range []Type{TypeAuthenticated, TypeNodeRegistered, TypeHeartbeatAck, TypePodAssign, TypePodStop, TypePodStatusAck, TypeError} {
		assert.True(t, types[kind], "no golden of %s", kind)
	}
}
