package e2e

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// settling is how long an agent is left alone before its memory is read: garbage goes, compilers finish.
const settling = 5 * time.Second

// settledMemory is the proportional set size in MiB (pages that several processes share count once in all). For Node.js own is the agent with
// its pods' processes; for a tab own is the browser's renderers, and all the whole browser.
func (h *host) settledMemory(ctx context.Context) (own, all float64, err error) {
	select {
	case <-ctx.Done():
		return 0, 0, context.Cause(ctx)
	case <-time.After(settling):
	}
	inBrowser := h.script == ""
	for _, pid := range descendants(h.cmd.Process.Pid) {
		command, err := os.ReadFile(filepath.Join("/proc", pid, "cmdline"))
		if err != nil {
			continue // it has ended
		}
		mib, err := pssMiB(pid)
		if err != nil {
			return 0, 0, err
		}
		renderer := bytes.Contains(command, []byte("--type=renderer"))
		driver := inBrowser && pid == strconv.Itoa(h.cmd.Process.Pid)
		if !driver {
			all += mib
		}
		if renderer || !inBrowser {
			own += mib
		}
	}
	return own, all, nil
}

// descendants are a process and all that it started.
func descendants(root int) []string {
	children := map[string][]string{}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat") // the pattern is good
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
		if len(fields) < 2 {
			continue
		}
		children[fields[1]] = append(children[fields[1]], filepath.Base(filepath.Dir(path)))
	}
	all := []string{strconv.Itoa(root)}
	for i := 0; i < len(all); i++ {
		all = append(all, children[all[i]]...)
	}
	return all
}

func pssMiB(pid string) (float64, error) {
	text, err := os.ReadFile(filepath.Join("/proc", pid, "smaps_rollup"))
	if err != nil {
		return 0, fmt.Errorf("read memory: %w", err)
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "Pss:"); ok {
			kib, err := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 64)
			return kib / 1024, err
		}
	}
	return 0, fmt.Errorf("read memory: /proc/%s/smaps_rollup has no Pss", pid)
}
