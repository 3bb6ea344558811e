package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	scripts "github.com/stark-o/stark/functions/agent"
)

// runtimeKind is a real agent: Node.js, or a tab of a real Chromium.
type runtimeKind struct {
	name     string // as -set runtimes= has it
	pods     int    // what agent.density puts on it
	start    func(ctx context.Context, s *site) (*host, error)
	settings []string // of the Node.js agent
}

var runtimes = []runtimeKind{
	{name: "node", pods: 50, start: startNode},
	{name: "node-process", pods: 50, start: startNode, settings: []string{"STARK_AGENT_ISOLATION=process"}},
	{name: "chromium", pods: 20, start: startTab},
}

// site is a world with its server, where one agent at a time runs.
type site struct {
	*world
	server *server
	kind   runtimeKind
}

// host is the processes of a running agent.
type host struct {
	cmd    *exec.Cmd
	script string // a directory to remove
	took   time.Duration
}

// startNode starts the agent as one file, as `stark agent` does, with an empty cache, and waits until it is registered.
func startNode(ctx context.Context, s *site) (_ *host, err error) {
	dir, err := os.MkdirTemp("", "stark-bench-agent-")
	if err != nil {
		return nil, err
	}
	h := &host{script: dir}
	defer func() {
		if err != nil {
			err = errors.Join(err, h.stop())
		}
	}()
	script, file := filepath.Join(dir, "agent.mjs"), filepath.Join(dir, "credentials.json")
	credentials, err := json.Marshal(map[string]string{
		"supabaseUrl": s.stack.URL(), "anonKey": s.stack.PublishableKey(), "email": agentEmail, "password": password,
	})
	if err != nil {
		return nil, err
	}
	if err := errors.Join(os.WriteFile(script, scripts.Script, 0o600), os.WriteFile(file, credentials, 0o600)); err != nil {
		return nil, err
	}
	h.cmd = exec.Command("node", script) //nolint:noctx // a context kills; the agent is asked to stop
	h.cmd.Env = append(os.Environ(), append([]string{
		"STARK_SERVER=" + s.server.URL(), "STARK_NODE_NAME=bench", "STARK_AGENT_HOME=" + dir, "STARK_CREDENTIALS=" + file,
		"STARK_LOG_LEVEL=warn", "STARK_NODE_CPU=8", "STARK_NODE_MEMORY=8Gi", "STARK_NODE_PODS=500",
	}, s.kind.settings...)...)
	h.cmd.Stdout, h.cmd.Stderr = os.Stderr, os.Stderr
	began := time.Now()
	if err := h.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start Node.js: %w", err)
	}
	err = s.server.await(ctx, func(r readiness) bool { return r.Agents == 1 })
	h.took = time.Since(began)
	return h, err
}

// startTab opens Chromium and makes a tab a node, as a person does, by tests/js/browser-driver.mjs.
func startTab(ctx context.Context, s *site) (_ *host, err error) {
	h := &host{}
	defer func() {
		if err != nil {
			err = errors.Join(err, h.stop())
		}
	}()
	h.cmd = exec.Command("node", filepath.Join("tests", "js", "browser-driver.mjs")) //nolint:noctx // make bench runs in the repository's root
	h.cmd.Stderr = os.Stderr
	out, err := h.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := h.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the browser's driver: %w", err)
	}
	line, _, err := bufio.NewReader(out).ReadLine()
	if err != nil {
		return nil, fmt.Errorf("the browser's driver says nothing; run sh tests/setup.sh --tests, and see that Chromium is installed: %w", err)
	}
	url := string(line)
	began := time.Now()
	for _, o := range []map[string]any{
		{"do": "open", "url": s.server.URL() + "/agent"},
		{"do": "logIn", "email": agentEmail, "password": password},
		{"do": "start", "name": "bench"},
	} {
		o["tab"] = "bench"
		if err := order(ctx, url, o); err != nil {
			return nil, err
		}
	}
	h.took = time.Since(began)
	return h, s.server.await(ctx, func(r readiness) bool { return r.Agents == 1 })
}

// order has the driver do something.
func order(ctx context.Context, url string, what map[string]any) (err error) {
	raw, err := json.Marshal(what)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(raw))
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("%s: %w", what["do"], err)
	}
	defer func() { err = errors.Join(err, res.Body.Close()) }()
	var answer struct{ Error string }
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil {
		return fmt.Errorf("%s: %w", what["do"], err)
	}
	if answer.Error != "" {
		return fmt.Errorf("%s: %s", what["do"], answer.Error)
	}
	return nil
}

// stop ends the agent as Ctrl-C does. Its pods should be gone by then: they would be placed anew.
func (h *host) stop() error {
	var err error
	if h.cmd != nil && h.cmd.Process != nil {
		_ = h.cmd.Process.Signal(syscall.SIGINT) // one that has ended says so to Wait
		var exit *exec.ExitError
		if waited := h.cmd.Wait(); waited != nil && !errors.As(waited, &exit) {
			err = waited
		}
	}
	if h.script != "" {
		err = errors.Join(err, os.RemoveAll(h.script))
	}
	return err
}
