package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// Protocol is the version of the agent protocol that this server speaks.
const Protocol = 1

// MaxFrame is the size of the largest frame either side accepts, in bytes.
const MaxFrame = 1 << 20

const maxCorrelationID = 128

// Type names a frame.
type Type string

// Frames that an agent sends.
const (
	TypeAuthenticate   Type = "auth:authenticate"
	TypeNodeRegister   Type = "node:register"
	TypeNodeHeartbeat  Type = "node:heartbeat"
	TypeNodeDisconnect Type = "node:disconnect"
	TypePodStatus      Type = "pod:status"
	TypePodLogs        Type = "pod:logs"
)

// Frames that a server sends.
const (
	TypeAuthenticated  Type = "auth:authenticated"
	TypeNodeRegistered Type = "node:registered"
	TypeHeartbeatAck   Type = "node:heartbeat:ack"
	TypePodAssign      Type = "pod:assign"
	TypePodStop        Type = "pod:stop"
	TypePodStatusAck   Type = "pod:status:ack"
	TypeError          Type = "error"
)

// Close codes of the agent protocol; docs/protocol.md says what an agent does on each.
const (
	CloseGoodbye         = 1000
	CloseGoingAway       = 1001 // sent by browsers whose page is closed or left
	CloseRestart         = 1012
	CloseBadFrame        = 4400
	CloseUnauthenticated = 4401
	CloseForbidden       = 4403
	CloseNoHeartbeat     = 4408
	CloseSuperseded      = 4409
	CloseSlow            = 4413
	CloseProtocol        = 4426
)

// Envelope is the seed's WebSocketMessage: what every frame looks like on the wire.
type Envelope struct {
	Type          Type            `json:"type"`
	Payload       json.RawMessage `json:"payload"`
	Timestamp     time.Time       `json:"timestamp"`
	CorrelationID string          `json:"correlationId,omitempty"`
}

// ErrBadFrame is what every error of ParseEnvelope and of the payload parsers wraps.
var ErrBadFrame = errors.New("bad frame")

// ErrGoingAway is what reading ends with when the other side is a page that was closed or left (RFC 6455, close code 1001).
var ErrGoingAway = errors.New("the page was closed")

// ParseEnvelope reads one frame. The payload stays raw: parse it by type with ParsePayload. The result shares no memory with data.
func ParseEnvelope(data []byte) (Envelope, error) {
	if len(data) > MaxFrame {
		return Envelope{}, fmt.Errorf("%w: %d bytes, at most %d are allowed", ErrBadFrame, len(data), MaxFrame)
	}
	if !utf8.Valid(data) {
		// encoding/json would mend strings but hand raw JSON on as it is, and Postgres takes none of it.
		return Envelope{}, fmt.Errorf("%w: not UTF-8", ErrBadFrame)
	}
	var raw struct {
		Type          Type            `json:"type"`
		Payload       json.RawMessage `json:"payload"`
		Timestamp     string          `json:"timestamp"`
		CorrelationID string          `json:"correlationId"`
	}
	if err := json.Unmarshal(data, &raw); err != nil {
		return Envelope{}, fmt.Errorf("%w: not a JSON envelope", ErrBadFrame)
	}
	if raw.Type == "" || len(raw.Type) > 64 {
		return Envelope{}, fmt.Errorf("%w: type is missing", ErrBadFrame)
	}
	if payload := bytes.TrimSpace(raw.Payload); len(payload) == 0 || payload[0] != '{' {
		return Envelope{}, fmt.Errorf("%w: payload must be an object", ErrBadFrame)
	}
	at, err := time.Parse(time.RFC3339Nano, raw.Timestamp)
	if err != nil {
		return Envelope{}, fmt.Errorf("%w: timestamp must be RFC 3339", ErrBadFrame)
	}
	if len(raw.CorrelationID) > maxCorrelationID {
		return Envelope{}, fmt.Errorf("%w: correlationId is longer than %d", ErrBadFrame, maxCorrelationID)
	}
	return Envelope{Type: raw.Type, Payload: raw.Payload, Timestamp: at, CorrelationID: raw.CorrelationID}, nil
}

// ErrTooLarge is what Encode's error wraps when a frame would be larger than the other side takes.
var ErrTooLarge = errors.New("frame too large")

// Encode makes a frame. Payloads carry JSON that came from elsewhere (a pod's metadata, say), so it can fail: with ErrTooLarge, or because a
// raw value is not JSON.
func Encode(t Type, payload any, now time.Time, correlationID string) ([]byte, error) {
	body, err := json.Marshal(payload)
	if err != nil {
		return nil, fmt.Errorf("wire: encode %s: %w", t, err)
	}
	frame, err := json.Marshal(Envelope{Type: t, Payload: body, Timestamp: now.UTC().Truncate(time.Millisecond), CorrelationID: correlationID})
	if err != nil {
		return nil, fmt.Errorf("wire: encode %s: %w", t, err)
	}
	if len(frame) > MaxFrame {
		return nil, fmt.Errorf("wire: encode %s: %w: %d bytes, at most %d are allowed", t, ErrTooLarge, len(frame), MaxFrame)
	}
	return frame, nil
}

// Payload is a frame's body that can check itself. validate also makes its text storable.
type Payload interface{ validate() error }

// storable is text without NUL, which Postgres has no place for.
func storable(text string) string { return strings.ReplaceAll(text, "\x00", "\uFFFD") }

// ParsePayload reads and checks an envelope's payload, e.g. ParsePayload[NodeRegister](env).
func ParsePayload[T any, P interface {
	*T
	Payload
}](env Envelope) (T, error) {
	var v T
	if err := json.Unmarshal(env.Payload, &v); err != nil {
		return v, fmt.Errorf("%w: %s: %s", ErrBadFrame, env.Type, jsonProblem(err))
	}
	if err := P(&v).validate(); err != nil {
		return v, fmt.Errorf("%w: %s: %w", ErrBadFrame, env.Type, err)
	}
	return v, nil
}

// jsonProblem says what is wrong without quoting the input.
func jsonProblem(err error) string {
	var typeErr *json.UnmarshalTypeError
	if errors.As(err, &typeErr) {
		return fmt.Sprintf("%s must be a %s, not a %s", typeErr.Field, typeErr.Type, typeErr.Value)
	}
	return "not valid JSON for this type"
}
