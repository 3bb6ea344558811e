//go:build unix

// Command sched measures the pure scheduler, in process and on one goroutine: no database, no network. It prints one JSON line a figure on
// stdout and its progress on stderr.
//
//	go run ./tests/bench/sched -bench sched.place -nodes 1000,5000
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/stark-o/stark/tests/bench/workload"
)

func main() {
	s := settings{params: map[string]any{"cpu": cpuModel(), "cores": runtime.NumCPU(), "go": runtime.Version()}}
	only := flag.String("bench", "", "run only this one: sched.place, sched.memory, sched.explain, sched.preempt or sched.wake")
	nodes := flag.String("nodes", "100,1000,5000,20000", "sizes of the cluster")
	variants := flag.String("variants", "", "of sched.place: "+fmt.Sprint(workload.Variants)+"; all when empty")
	flag.IntVar(&s.pods, "pods", 5000, "pods to place")
	flag.IntVar(&s.repeat, "repeat", 3, "repetitions; the median counts")
	flag.Parse()
	for _, n := range strings.Split(*nodes, ",") {
		size, err := strconv.Atoi(n)
		if err != nil || size < 1 {
			fmt.Fprintf(os.Stderr, "-nodes: %q is not a number of nodes\n", n)
			os.Exit(2)
		}
		s.nodes = append(s.nodes, size)
	}
	for _, v := range workload.Variants {
		if *variants == "" || slices.Contains(strings.Split(*variants, ","), string(v)) {
			s.variants = append(s.variants, v)
		}
	}
	benches := []struct {
		name string
		run  func(settings) error
	}{{"sched.place", place}, {"sched.memory", memory}, {"sched.explain", explain}, {"sched.preempt", preempt}, {"sched.wake", wake}}
	for _, b := range benches {
		if *only != "" && *only != b.name {
			continue
		}
		s.bench = b.name
		if err := b.run(s); err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", b.name, err)
			os.Exit(1)
		}
	}
}

type settings struct {
	bench    string
	nodes    []int
	variants []workload.Variant
	pods     int
	repeat   int
	params   map[string]any
}

// figure is one line of output.
type figure struct {
	Bench  string         `json:"bench"`
	Params map[string]any `json:"params"`
	Metric string         `json:"metric"`
	Value  float64        `json:"value"`
	Unit   string         `json:"unit"`
}

// report prints the median of each metric's repetitions.
func (s settings) report(params map[string]any, metrics []metric) {
	all := map[string]any{}
	for _, m := range []map[string]any{s.params, params} {
		for k, v := range m {
			all[k] = v
		}
	}
	for _, m := range metrics {
		slices.Sort(m.values)
		value := m.values[len(m.values)/2]
		line, _ := json.Marshal(figure{Bench: s.bench, Params: all, Metric: m.name, Value: value, Unit: m.unit}) // plain values
		fmt.Println(string(line))
		fmt.Fprintf(os.Stderr, "%-14s %-60s %-22s %14.2f %s\n", s.bench, fmt.Sprint(params), m.name, value, m.unit)
	}
}

type metric struct {
	name, unit string
	values     []float64
}

func cpuModel() string {
	info, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return runtime.GOARCH
	}
	for line := range strings.Lines(string(info)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}
