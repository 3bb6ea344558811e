package sched_test

import (
	"fmt"
	"testing"

	"github.com/google/uuid"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/sched"
	"github.com/stark-o/stark/tests/bench/workload"
)

func clusterFor(nodes int, v workload.Variant) *sched.Cluster {
	c := sched.NewCluster(sched.Config{Seed: 1})
	c.UpsertPack(workload.Pack)
	for _, n := range workload.Nodes(nodes, v) {
		c.UpsertNode(n)
	}
	return c
}

// BenchmarkPlace places 5,000 pods at a time on an empty cluster.
func BenchmarkPlace(b *testing.B) {
	const batch = 5000
	for _, nodes := range []int{1000, 5000, 20000} {
		for _, v := range workload.Variants {
			b.Run(fmt.Sprintf("nodes=%d/%s", nodes, v), func(b *testing.B) {
				c := clusterFor(nodes, v)
				pods := workload.Pods(0, min(batch, nodes*100), v)
				if v == workload.AntiAffinity {
					pods = pods[:min(len(pods), nodes)]
				}
				b.ReportAllocs()
				for b.Loop() {
					c.WhatIf(func() {
						if plan := c.Decide(pods, sched.Options{}); len(plan.Placements) != len(pods) {
							b.Fatalf("%d of %d placed: %s", len(plan.Placements), len(pods), plan.Unschedulable[0].Explanation.Text)
						}
					})
				}
				b.ReportMetric(float64(len(pods)*b.N)/b.Elapsed().Seconds(), "pods/s")
			})
		}
	}
}

// full is a cluster on which 30 pods of the lowest priority fill the cpu of every node.
func full(nodes int) *sched.Cluster {
	c := clusterFor(nodes, workload.Plain)
	for i, p := range workload.Pods(0, nodes*30, workload.Plain) {
		p.CPUMillis, p.Priority = 133, -100+int32(i%3)
		c.Place(p, workload.ID('n', i/30))
	}
	return c
}

func BenchmarkExplain(b *testing.B) {
	c := full(5000)
	pod := workload.Pods(1<<20, 1, workload.All)[0]
	pod.CPUMillis, pod.NeverPreempts = 2000, true
	other := workload.Pods(1<<21, 1, workload.Plain)[0]
	for b.Loop() {
		c.Remove(other.ID) // something changes every time, so that nothing is remembered
		c.Place(other, workload.ID('n', 1))
		c.Decide([]*core.Pod{pod}, sched.Options{DryRun: true})
	}
}

func BenchmarkPreempt(b *testing.B) {
	c := full(5000)
	pod := workload.Pods(1<<20, 1, workload.Plain)[0]
	pod.CPUMillis, pod.Priority = 500, 1000
	for b.Loop() {
		if plan := c.Decide([]*core.Pod{pod}, sched.Options{DryRun: true}); len(plan.Evictions) != 4 {
			b.Fatalf("%d evictions", len(plan.Evictions))
		}
	}
}

// BenchmarkInput is the one-shot form: one pod, and everything else told anew.
func BenchmarkInput(b *testing.B) {
	for _, nodes := range []int{100, 5000} {
		b.Run(fmt.Sprintf("nodes=%d", nodes), func(b *testing.B) {
			in := sched.Input{Pods: workload.Pods(0, 1, workload.All), Packs: map[uuid.UUID]*core.Pack{workload.Pack.ID: workload.Pack}}
			for _, n := range workload.Nodes(nodes, workload.All) {
				in.Nodes = append(in.Nodes, sched.Node{Node: n})
			}
			for b.Loop() {
				sched.Decide(in)
			}
		})
	}
}
