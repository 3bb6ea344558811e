package bench

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Params says what a figure was measured with. Figures with the same params and metric are repetitions of one another, so what differs from
// one repetition to the next does not belong here.
type Params map[string]any

// With returns a copy with more params.
func (p Params) With(more Params) Params {
	all := make(Params, len(p)+len(more))
	for k, v := range p {
		all[k] = v
	}
	for k, v := range more {
		all[k] = v
	}
	return all
}

// Run is all repetitions of one benchmark. Its methods may be called from any goroutine.
type Run struct {
	name string
	cfg  Config

	mu      sync.Mutex // guards what follows
	order   []string
	figures map[string]*figure
	unknown error
}

type figure struct {
	params Params
	metric string
	unit   string
	values []float64
}

// Report notes one figure of this repetition.
func (r *Run) Report(params Params, metric string, value float64, unit string) {
	text, err := json.Marshal(params) // maps are encoded in the order of their keys
	if err != nil {
		text = fmt.Append(nil, params)
	}
	key := metric + "\x00" + string(text)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.figures == nil {
		r.figures = map[string]*figure{}
	}
	f := r.figures[key]
	if f == nil {
		f = &figure{params: params, metric: metric, unit: unit}
		r.figures[key] = f
		r.order = append(r.order, key)
	}
	f.values = append(f.values, value)
	_, _ = fmt.Fprintf(r.cfg.Progress, "%s: %s %s = %.6g %s\n", r.name, text, metric, value, unit) // progress is no result
}

// Progressf tells whoever watches what is going on.
func (r *Run) Progressf(format string, args ...any) {
	_, _ = fmt.Fprintf(r.cfg.Progress, "%s: %s %s\n", r.name, time.Now().UTC().Format(time.TimeOnly), fmt.Sprintf(format, args...))
}

// Int is a parameter that whoever runs the benchmark may set, as in -set seconds=5.
func (r *Run) Int(name string, fallback int) int { return r.Ints(name, fallback)[0] }

// Ints is a parameter that is a list, as in -set agents=1000,5000. It is never empty.
func (r *Run) Ints(name string, fallback ...int) []int {
	text, set := r.cfg.Set[name]
	if !set {
		return fallback
	}
	var values []int
	for part := range strings.SplitSeq(text, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(part))
		if err != nil {
			r.mu.Lock()
			r.unknown = errors.Join(r.unknown, fmt.Errorf("-set %s=%s: whole numbers, separated by commas, are wanted", name, text))
			r.mu.Unlock()
			return fallback
		}
		values = append(values, n)
	}
	return values
}

// Strings is a parameter that is a list of words, as in -set variants=plain,all; nil when it is not set.
func (r *Run) Strings(name string) []string {
	text, set := r.cfg.Set[name]
	if !set {
		return nil
	}
	return strings.Split(text, ",")
}

// Figure is one line of output.
type Figure struct {
	Bench  string  `json:"bench"`
	Params Params  `json:"params"`
	Metric string  `json:"metric"`
	Value  float64 `json:"value"` // the median of the repetitions
	Unit   string  `json:"unit"`
}

// record is a figure as the file keeps it.
type record struct {
	Figure
	At          time.Time `json:"at"`
	Repetitions []float64 `json:"repetitions"`
}

// finish prints the medians, in the order in which the figures were first reported.
func (r *Run) finish() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := json.NewEncoder(r.cfg.Out)
	records := make([]record, 0, len(r.order))
	for _, key := range r.order {
		f := r.figures[key]
		line := Figure{Bench: r.name, Params: f.params, Metric: f.metric, Value: Median(f.values), Unit: f.unit}
		if err := out.Encode(line); err != nil {
			return errors.Join(r.unknown, fmt.Errorf("print figures: %w", err))
		}
		records = append(records, record{Figure: line, At: time.Now().UTC(), Repetitions: f.values})
	}
	return errors.Join(r.unknown, r.keep(records))
}

func (r *Run) keep(records []record) (err error) {
	if r.cfg.File == "" || len(records) == 0 {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(r.cfg.File), 0o755); err != nil {
		return fmt.Errorf("keep figures: %w", err)
	}
	f, err := os.OpenFile(r.cfg.File, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("keep figures: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	out := json.NewEncoder(f)
	for _, rec := range records {
		if err := out.Encode(rec); err != nil {
			return fmt.Errorf("keep figures: %w", err)
		}
	}
	return nil
}

// Median of values: the mean of the two in the middle when their number is even, 0 when there are none.
func Median(values []float64) float64 {
	s := slices.Clone(values)
	slices.Sort(s)
	n := len(s)
	switch {
	case n == 0:
		return 0
	case n%2 == 1:
		return s[n/2]
	}
	return (s[n/2-1] + s[n/2]) / 2
}

// Percentile p (0 to 1) of durations, which must be sorted: the smallest value that at least that share does not exceed. 0 when there are none.
func Percentile(sorted []time.Duration, p float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	i := int(float64(len(sorted))*p+0.9999999) - 1
	return sorted[min(max(i, 0), len(sorted)-1)]
}

// Millis is a duration as a number of milliseconds.
func Millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
