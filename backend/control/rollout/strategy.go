package rollout

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"
)

// Strategy is how a rollout goes. The database has checked what deployments.strategy holds; what is not there has Kubernetes' defaults.
type Strategy struct {
	Recreate         bool          // all old pods end before the first new one begins
	MaxSurge         Share         // how many pods more than wanted there may be; 25 %
	MaxUnavailable   Share         // how many fewer may be available; 25 %, and 1 for daemonsets
	MinReady         time.Duration // how long a pod has to run before it counts as available; 1 s, so that what falls over at once never does
	ProgressDeadline time.Duration // how long a rollout may stand still; 10 minutes
	AutoRollback     bool          // go back when a new generation does nothing but crash; true
}

// Share is a number of pods, or so many percent of those that are wanted.
type Share struct {
	Number  int
	Percent bool
}

// of resolves a share. Source: k8s.io/apimachinery intstr.GetScaledValueFromIntOrPercent.
func (s Share) of(total int, up bool) int {
	if !s.Percent {
		return s.Number
	}
	if up {
		return (s.Number*total + 99) / 100
	}
	return s.Number * total / 100
}

func parseShare(raw json.RawMessage, fallback Share) Share {
	text := strings.Trim(string(raw), `"`)
	number, percent := strings.CutSuffix(text, "%")
	n, err := strconv.Atoi(number)
	if err != nil || n < 0 {
		return fallback
	}
	return Share{Number: n, Percent: percent}
}

// ParseStrategy reads deployments.strategy. What cannot be read counts as left out.
func ParseStrategy(raw json.RawMessage, daemonset bool) Strategy {
	var in struct {
		Type             string          `json:"type"`
		MaxSurge         json.RawMessage `json:"maxSurge"`
		MaxUnavailable   json.RawMessage `json:"maxUnavailable"`
		MinReady         json.RawMessage `json:"minReadySeconds"`
		ProgressDeadline json.RawMessage `json:"progressDeadlineSeconds"`
		AutoRollback     json.RawMessage `json:"autoRollback"`
	}
	if len(raw) > 0 && json.Unmarshal(raw, &in) != nil {
		in.Type = ""
	}
	unavailable := Share{Number: 25, Percent: true}
	if daemonset {
		unavailable = Share{Number: 1}
	}
	seconds := func(raw json.RawMessage, fallback int) time.Duration {
		return time.Duration(parseShare(raw, Share{Number: fallback}).Number) * time.Second
	}
	return Strategy{
		Recreate:         in.Type == "Recreate",
		MaxSurge:         parseShare(in.MaxSurge, Share{Number: 25, Percent: true}),
		MaxUnavailable:   parseShare(in.MaxUnavailable, unavailable),
		MinReady:         seconds(in.MinReady, 1),
		ProgressDeadline: seconds(in.ProgressDeadline, 600),
		AutoRollback:     strings.Trim(string(in.AutoRollback), `"`) != "false",
	}
}

// bounds are how many pods more than wanted there may be, and how many fewer may be available. Both zero would never move.
// Source: k8s.io/kubernetes/pkg/controller/deployment/util.ResolveFenceposts.
func (s Strategy) bounds(desired int) (surge, unavailable int) {
	surge, unavailable = s.MaxSurge.of(desired, true), min(s.MaxUnavailable.of(desired, false), desired)
	if surge == 0 && unavailable == 0 {
		unavailable = 1
	}
	return surge, unavailable
}
