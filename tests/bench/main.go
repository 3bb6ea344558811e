//go:build unix

// Command bench prints the project's figures: one JSON line each on stdout, kept in a file too, and its progress on stderr.
//
//	go run ./tests/bench -bench sched.place -nodes 1000,5000
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/stark-o/stark/tests/bench/workload"
)

func main() {
	s := settings{params: map[string]any{"cpu": cpuModel(), "cores": runtime.NumCPU(), "go": runtime.Version()}}
	only := flag.String("bench", os.Getenv("BENCH"), "run only those whose name begins so; the default is $BENCH")
	out := flag.String("out", "bin/bench.jsonl", "file that keeps the lines")
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
	if err := s.keep(*out); err != nil {
		fmt.Fprintf(os.Stderr, "-out: %v\n", err)
		os.Exit(1)
	}
	ran := false
	for _, b := range benches {
		if !strings.HasPrefix(b.name, *only) {
			continue
		}
		ran = true
		s.bench = b.name
		if err := b.run(s); err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", b.name, err)
			os.Exit(1)
		}
	}
	if !ran {
		fmt.Fprintf(os.Stderr, "no bench is called %q; there are:", *only)
		for _, b := range benches {
			fmt.Fprint(os.Stderr, " ", b.name)
		}
		fmt.Fprintln(os.Stderr)
		os.Exit(2)
	}
}

// benches are all that there are, in the order in which they run.
var benches = []struct {
	name string
	run  func(settings) error
}{{"sched.place", place}, {"sched.memory", memory}, {"sched.explain", explain}, {"sched.preempt", preempt}, {"sched.wake", wake}}

type settings struct {
	bench    string
	nodes    []int
	variants []workload.Variant
	pods     int
	repeat   int
	params   map[string]any
	lines    io.Writer
}

// keep opens the file that keeps the lines.
func (s *settings) keep(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	s.lines = io.MultiWriter(os.Stdout, file)
	return nil
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
		if _, err := fmt.Fprintln(s.lines, string(line)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
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
