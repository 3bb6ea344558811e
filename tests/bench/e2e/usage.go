package e2e

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/stark-o/stark/tests/bench/bench"
)

// usage is who used the processors: this process (server, agents and whoever inserts), Postgres, and anybody on the machine. What the last has
// over the first two is others' and spoils the figures. Where there is no /proc only the first is known.
type usage struct {
	self, postgres, walsender, machine time.Duration
	load1                              float64
}

func measure() (u usage) {
	var r unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &r) == nil {
		u.self = time.Duration(r.Utime.Nano() + r.Stime.Nano())
	}
	u.postgres, u.walsender = postgresTime()
	u.machine, u.load1 = machineTime(), load1()
	return u
}

func (u usage) since(before usage) usage {
	return usage{self: u.self - before.self, postgres: u.postgres - before.postgres, walsender: u.walsender - before.walsender,
		machine: u.machine - before.machine, load1: u.load1}
}

func (u usage) report(r *bench.Run, p bench.Params, over time.Duration) {
	share := func(d time.Duration) float64 { return d.Seconds() / over.Seconds() }
	r.Report(p, "cpu_go", share(u.self), "cores")
	if u.machine > 0 {
		r.Report(p, "cpu_postgres", share(u.postgres), "cores")
		r.Report(p, "cpu_walsender", share(u.walsender), "cores") // of Postgres': the decoding
		r.Report(p, "cpu_others", max(0, share(u.machine-u.self-u.postgres)), "cores")
		r.Report(p, "load1", u.load1, "")
	}
	r.Report(p, "rss", residentMiB(), "MiB")
}

const tick = 10 * time.Millisecond // USER_HZ is 100 on every Linux

// postgresTime is what all descendants of ours by that name have used that still run, so differences hold as long as none ends.
func postgresTime() (all, walsender time.Duration) {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat") // the pattern is good
	ours := map[string]bool{strconv.Itoa(os.Getpid()): true}
	type process struct {
		parent string
		name   string
		time   time.Duration
	}
	processes := map[string]process{}
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		open, end := bytes.IndexByte(text, '('), bytes.LastIndexByte(text, ')')
		fields := strings.Fields(string(text[end+1:]))
		if open < 0 || len(fields) < 13 {
			continue
		}
		user, _ := strconv.Atoi(fields[11])
		system, _ := strconv.Atoi(fields[12])
		pid := strings.Fields(string(text[:open]))[0]
		processes[pid] = process{parent: fields[1], name: string(text[open+1 : end]), time: time.Duration(user+system) * tick}
	}
	var mine func(pid string, depth int) bool
	mine = func(pid string, depth int) bool {
		return ours[pid] || depth < 16 && processes[pid].parent != "" && mine(processes[pid].parent, depth+1)
	}
	for pid, p := range processes {
		if p.name != "postgres" || !mine(pid, 0) {
			continue
		}
		all += p.time
		if title, err := os.ReadFile("/proc/" + pid + "/cmdline"); err == nil && bytes.HasPrefix(title, []byte("postgres: walsender")) {
			walsender += p.time
		}
	}
	return all, walsender
}

// machineTime is what all processors together were busy.
func machineTime() time.Duration {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0
	}
	line, _, _ := strings.Cut(string(text), "\n")
	var busy int
	for i, field := range strings.Fields(line) {
		if n, err := strconv.Atoi(field); err == nil && i != 4 && i != 5 && i < 9 { // not idle, not iowait, no guests: they are in user
			busy += n
		}
	}
	return time.Duration(busy) * tick
}

func load1() float64 {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return 0
	}
	v, _ := strconv.ParseFloat(strings.Fields(string(text))[0], 64)
	return v
}

// residentMiB is this process' resident memory.
func residentMiB() float64 {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	pages, _ := strconv.ParseFloat(strings.Fields(string(text))[1], 64)
	return pages * float64(os.Getpagesize()) / (1 << 20)
}

// heapMiB is what is alive on this process' heap.
func heapMiB() float64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc) / (1 << 20)
}
