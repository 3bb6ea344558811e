package core

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// Quota bounds what the pods of a namespace may take together. A nil field is no bound; the zero Quota bounds nothing.
type Quota struct {
	MaxPods        *int64
	MaxCPUMillis   *int64
	MaxMemoryBytes *int64
}

// ParseQuota reads what namespaces.resource_quota holds. The database keeps quantities normalised, so that only FormatCPU's and
// FormatMemory's own output has to be understood.
func ParseQuota(raw json.RawMessage) (Quota, error) {
	var doc struct {
		MaxPods   *json.Number `json:"maxPods"`
		MaxCPU    *string      `json:"maxCpu"`
		MaxMemory *string      `json:"maxMemory"`
	}
	if err := decodeStrictly(raw, &doc); err != nil {
		return Quota{}, fmt.Errorf("quota: %w", err)
	}
	var q Quota
	if doc.MaxPods != nil {
		n, err := strconv.ParseInt(doc.MaxPods.String(), 10, 64)
		if err != nil {
			return Quota{}, fmt.Errorf("quota: maxPods %q is not a whole number", doc.MaxPods)
		}
		q.MaxPods = &n
	}
	if doc.MaxCPU != nil {
		n, err := scaled(*doc.MaxCPU, "m", 1, 1000)
		if err != nil {
			return Quota{}, fmt.Errorf("quota: maxCpu: %w", err)
		}
		q.MaxCPUMillis = &n
	}
	if doc.MaxMemory != nil {
		n, err := parseBytes(*doc.MaxMemory)
		if err != nil {
			return Quota{}, fmt.Errorf("quota: maxMemory: %w", err)
		}
		q.MaxMemoryBytes = &n
	}
	return q, nil
}

func parseBytes(s string) (int64, error) {
	for i, suffix := range []string{"Ki", "Mi", "Gi", "Ti", "Pi"} {
		if strings.HasSuffix(s, suffix) {
			return scaled(s, suffix, int64(1)<<(10*(i+1)), 1)
		}
	}
	return scaled(s, "", 1, 1)
}

// scaled reads a whole number that may carry the suffix: with it times one factor, without it times the other.
func scaled(s, suffix string, with, without int64) (int64, error) {
	factor := without
	if digits, ok := strings.CutSuffix(s, suffix); ok && suffix != "" {
		s, factor = digits, with
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 || n > (1<<62)/factor {
		return 0, fmt.Errorf("%q is not a normalised quantity", s)
	}
	return n * factor, nil
}
