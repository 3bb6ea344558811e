package output

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/dustin/go-humanize"
	"k8s.io/apimachinery/pkg/util/duration"
)

// None stands for an empty cell, as in kubectl.
const None = "<none>"

// Age is how long ago at is, seen from now, as kubectl says it: 12s, 5m, 3h12m, 8d.
func Age(now, at time.Time) string {
	if at.IsZero() {
		return "<unknown>"
	}
	return duration.HumanDuration(now.Sub(at))
}

// Bytes is a size for people: 12 KiB.
func Bytes(n int64) string { return humanize.IBytes(uint64(max(n, 0))) }

// Labels is a map in one line, sorted: a=1,b=2.
func Labels(m map[string]string) string {
	parts := make([]string, 0, len(m))
	for _, k := range slices.Sorted(maps.Keys(m)) {
		if m[k] == "" {
			parts = append(parts, k)
			continue
		}
		parts = append(parts, fmt.Sprintf("%s=%s", k, m[k]))
	}
	return strings.Join(parts, ",")
}

// Clean takes what a terminal would obey (control and format characters, line ends) out of text that someone else wrote.
func Clean(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n', r == '\t', r == '\r':
			return ' '
		case !unicode.IsPrint(r):
			return unicode.ReplacementChar
		}
		return r
	}, s)
}

func orNone(s string) string {
	if s == "" {
		return None
	}
	return s
}

const (
	red    = "\x1b[31m"
	green  = "\x1b[32m"
	yellow = "\x1b[33m"
	reset  = "\x1b[0m"
)

// Tint colors a status of a pod, a node or a check; anything else stays as it is.
func Tint(status string) string {
	word, _, _ := strings.Cut(status, ",")
	switch word {
	case "running", "healthy", "ok":
		return green + status + reset
	case "failed", "unhealthy", "fail":
		return red + status + reset
	case "pending", "scheduled", "starting", "stopping", "unknown", "warn", "Warning":
		return yellow + status + reset
	}
	return status
}
