//go:build unix

// Package sched measures the pure scheduler, in process and on one goroutine: no database, no network.
package sched

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/sched"
	"github.com/stark-o/stark/tests/bench/bench"
	"github.com/stark-o/stark/tests/bench/workload"
)

// Register adds this package's benchmarks.
func Register(suite *bench.Suite) {
	for _, b := range []struct {
		name string
		run  func(settings) error
	}{{"sched.place", place}, {"sched.memory", memory}, {"sched.explain", explain}, {"sched.preempt", preempt}, {"sched.wake", wake}} {
		suite.Register(b.name, func(_ context.Context, r *bench.Run) error { return b.run(settingsOf(r)) })
	}
}

type settings struct {
	run      *bench.Run
	nodes    []int
	variants []workload.Variant
	pods     int
	repeat   int // within one repetition of the suite's
	params   bench.Params
}

// settingsOf reads -set nodes=100,1000, -set pods=5000 and -set variants=plain,all.
func settingsOf(r *bench.Run) settings {
	s := settings{run: r, nodes: r.Ints("nodes", 100, 1000, 5000, 20000), pods: r.Int("pods", 5000), repeat: 1,
		params: bench.Params{"cpu": cpuModel(), "cores": runtime.NumCPU(), "go": runtime.Version()}}
	wanted := r.Strings("variants")
	for _, v := range workload.Variants {
		if len(wanted) == 0 || slices.Contains(wanted, string(v)) {
			s.variants = append(s.variants, v)
		}
	}
	return s
}

func (s settings) report(params bench.Params, metrics []metric) {
	for _, m := range metrics {
		s.run.Report(s.params.With(params), m.name, bench.Median(m.values), m.unit)
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

func newCluster(nodes []*core.Node) *sched.Cluster {
	c := sched.NewCluster(sched.Config{Seed: 1})
	c.UpsertPack(workload.Pack)
	for _, n := range nodes {
		c.UpsertNode(n)
	}
	return c
}

// podsFor is as many pods as the cluster can take of a variant, at most what was asked for.
func (s settings) podsFor(nodes int, v workload.Variant) []*core.Pod {
	n := min(s.pods, nodes*100)
	if v == workload.AntiAffinity {
		n = min(n, nodes)
	}
	return workload.Pods(0, n, v)
}

// place measures a flood, all pods in one plan, and pods that come one by one, each its own plan.
func place(s settings) error {
	for _, nodes := range s.nodes {
		for _, v := range s.variants {
			perSecond := metric{name: "placements_per_s", unit: "1/s"}
			perCPU := metric{name: "placements_per_cpu_s", unit: "1/s"}
			p50, p99 := metric{name: "one_by_one_p50", unit: "us"}, metric{name: "one_by_one_p99", unit: "us"}
			pods := s.podsFor(nodes, v)
			for range s.repeat {
				c := newCluster(workload.Nodes(nodes, v))
				runtime.GC()
				began, cpu := time.Now(), cpuTime()
				plan := c.Decide(pods, sched.Options{})
				wall, spent := time.Since(began), cpuTime()-cpu
				if len(plan.Placements) != len(pods) {
					return fmt.Errorf("%s on %d nodes: %d of %d placed", v, nodes, len(plan.Placements), len(pods))
				}
				perSecond.values = append(perSecond.values, float64(len(pods))/wall.Seconds())
				perCPU.values = append(perCPU.values, float64(len(pods))/spent.Seconds())
				times := oneByOne(newCluster(workload.Nodes(nodes, v)), pods)
				p50.values, p99.values = append(p50.values, micros(quantile(times, 0.5))), append(p99.values, micros(quantile(times, 0.99)))
			}
			s.report(bench.Params{"nodes": nodes, "pods": len(pods), "variant": string(v)}, []metric{perSecond, perCPU, p50, p99})
		}
	}
	return nil
}

func oneByOne(c *sched.Cluster, pods []*core.Pod) []time.Duration {
	times := make([]time.Duration, len(pods))
	for i := range pods {
		began := time.Now()
		c.Decide(pods[i:i+1], sched.Options{})
		times[i] = time.Since(began)
	}
	return times
}

// memory is what the cluster keeps beside the nodes and pods themselves, which are the caller's.
func memory(s settings) error {
	for _, n := range s.nodes {
		perNode, perPod, perIndex := metric{name: "bytes_per_node", unit: "B"}, metric{name: "bytes_per_pod", unit: "B"},
			metric{name: "index_bytes_per_class_and_node", unit: "B"}
		pods := workload.Pods(0, 10*n, workload.Plain)
		for range s.repeat {
			nodes := workload.Nodes(n, workload.Plain)
			before := heap()
			c := newCluster(nodes)
			withNodes := heap()
			for i, p := range pods {
				c.Place(p, nodes[i%n].ID)
			}
			withPods := heap()
			extra := workload.Pods(len(pods), 2, workload.All)
			c.Decide(extra, sched.Options{DryRun: true})
			withIndex := heap()
			perNode.values = append(perNode.values, float64(withNodes-before)/float64(n))
			perPod.values = append(perPod.values, float64(withPods-withNodes)/float64(len(pods)))
			perIndex.values = append(perIndex.values, float64(withIndex-withPods)/float64(n))
			runtime.KeepAlive(nodes)
			runtime.KeepAlive(c)
		}
		s.report(bench.Params{"nodes": n, "pods": len(pods)}, []metric{perNode, perPod, perIndex})
	}
	return nil
}

func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

const small = 30 // pods on a node of a full cluster

// full is a cluster on which pods of low priority fill the cpu of every node.
func full(nodes int) *sched.Cluster {
	c := newCluster(workload.Nodes(nodes, workload.Plain))
	for i, p := range workload.Pods(0, nodes*small, workload.Plain) {
		p.CPUMillis, p.Priority = 133, -100+int32(i%3)
		c.Place(p, workload.ID('n', i/small))
	}
	return c
}

// explain measures a try that fails, with the counts over all nodes; and the full report.
func explain(s settings) error {
	for _, nodes := range s.nodes {
		c := full(nodes)
		pod := workload.Pods(1<<25, 1, workload.All)[0]
		pod.CPUMillis, pod.NeverPreempts = 2000, true
		other := workload.Pods(1<<25+1, 1, workload.Plain)[0]
		counts := s.latency(func() {
			c.Remove(other.ID) // something changes each time, so that nothing is remembered
			c.Place(other, workload.ID('n', 1))
			c.Decide([]*core.Pod{pod}, sched.Options{DryRun: true})
		})
		report := s.latency(func() { c.Explain(pod) })
		s.report(bench.Params{"nodes": nodes, "running": c.Pods(), "what": "why a pod is pending"}, counts)
		s.report(bench.Params{"nodes": nodes, "running": c.Pods(), "what": "verdict of every node"}, report)
	}
	return nil
}

// preempt measures finding victims on a full cluster, looking at every node.
func preempt(s settings) error {
	for _, nodes := range s.nodes {
		c := full(nodes)
		pod := workload.Pods(1<<25, 1, workload.Plain)[0]
		pod.CPUMillis, pod.Priority = 500, 1000
		var err error
		metrics := s.latency(func() {
			if plan := c.Decide([]*core.Pod{pod}, sched.Options{DryRun: true}); len(plan.Evictions) != 4 {
				err = fmt.Errorf("%d evictions instead of 4", len(plan.Evictions))
			}
		})
		if err != nil {
			return err
		}
		s.report(bench.Params{"nodes": nodes, "running": c.Pods()}, metrics)
	}
	return nil
}

// wake measures a round in which one new pod is placed while many that have no place wait: once when nothing could help them, once when
// room was freed and they are all tried.
func wake(s settings) error {
	for _, nodes := range s.nodes {
		c := full(nodes)
		q := sched.NewQueue(c, sched.Backoff{})
		for _, p := range workload.Pods(1<<25, s.pods, workload.Plain) {
			p.CPUMillis = 3000
			q.Add(p)
		}
		round := func() {
			plan := c.Decide(q.Take(time.Time{}), sched.Options{NoPreemption: true})
			q.Settle(&plan, time.Time{})
		}
		round()
		next := 1 << 26
		asleep := s.latency(func() {
			next++
			p := workload.Pods(next, 1, workload.Plain)[0]
			p.CPUMillis = 0
			q.Add(p)
			round()
		})
		tried := s.latency(func() {
			c.Remove(workload.ID('p', next))
			next--
			round()
		})
		s.report(bench.Params{"nodes": nodes, "waiting": s.pods, "what": "one pod comes, the others sleep"}, asleep)
		s.report(bench.Params{"nodes": nodes, "waiting": s.pods, "what": "a pod left, all are tried again"}, tried)
	}
	return nil
}

func (s settings) latency(f func()) []metric {
	const times = 50
	f()
	p50, p99 := metric{name: "p50", unit: "us"}, metric{name: "p99", unit: "us"}
	for range s.repeat {
		all := make([]time.Duration, times)
		for i := range all {
			began := time.Now()
			f()
			all[i] = time.Since(began)
		}
		p50.values, p99.values = append(p50.values, micros(quantile(all, 0.5))), append(p99.values, micros(quantile(all, 0.99)))
	}
	return []metric{p50, p99}
}

func quantile(times []time.Duration, q float64) time.Duration {
	sorted := slices.Sorted(slices.Values(times))
	return sorted[min(len(sorted)-1, int(q*float64(len(sorted))))]
}

func micros(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1000 }

// cpuTime is what this process has spent, so that figures from a busy machine can be told from slow ones.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
