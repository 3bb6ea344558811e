// Package agentproc runs the agent that this program carries, on the Node.js of this machine, as a child process.
package agentproc

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"time"

	"github.com/stark-o/stark/functions/agent"
)

// MinNode is the oldest major version of Node.js that the agent runs on.
const MinNode = 20

// ErrNoNode says that there is no Node.js that can be used; the message says what to do.
var ErrNoNode = errors.New("no usable Node.js")

// Node is a Node.js installation.
type Node struct {
	Path    string
	Version string // v20.20.2
}

var versionPattern = regexp.MustCompile(`^v(\d+)\.`)

// FindNode looks for Node.js: at path when it is given, else on PATH.
func FindNode(ctx context.Context, path string) (Node, error) {
	if path == "" {
		found, err := exec.LookPath("node")
		if err != nil {
			return Node{}, fmt.Errorf("%w: `node` is not on PATH; install Node.js %d or newer (https://nodejs.org) or say where it is with --node", ErrNoNode, MinNode)
		}
		path = found
	}
	out, err := exec.CommandContext(ctx, path, "--version").Output()
	if err != nil {
		return Node{}, fmt.Errorf("%w: %s --version: %w", ErrNoNode, path, err)
	}
	m := versionPattern.FindSubmatch(out)
	if m == nil {
		return Node{}, fmt.Errorf("%w: %s does not say a version of Node.js", ErrNoNode, path)
	}
	version := string(regexp.MustCompile(`\s+$`).ReplaceAll(out, nil))
	if major, err := strconv.Atoi(string(m[1])); err != nil || major < MinNode {
		return Node{}, fmt.Errorf("%w: %s is %s, and %d or newer is needed", ErrNoNode, path, version, MinNode)
	}
	return Node{Path: path, Version: version}, nil
}

// Config is one agent.
type Config struct {
	Node Node
	// Home is the agent's own folder: script, credentials, cache. It is made if it is missing.
	Home string
	// Env are STARK_… settings; functions/agent/README.md lists them. No secret is among them: those are in the credentials file.
	Env map[string]string
	Out io.Writer
	// Patience is how long the agent may take to end its pods when it is asked to; default 30 s.
	Patience time.Duration
}

// ExitError says that the agent ended by itself, and how. Codes 1 and 2 are final: it was refused, or it is not configured well.
type ExitError struct{ Code int }

func (e *ExitError) Error() string { return fmt.Sprintf("the agent ended with code %d", e.Code) }

// Final says that starting it again would end the same way.
func (e *ExitError) Final() bool { return e.Code == 1 || e.Code == 2 }

// Run runs the agent until ctx ends, then asks it to stop its pods and say goodbye. started, if not nil, hears the process id. It returns nil after an
// orderly end, and *ExitError when the agent ended by itself with an error. The agent ends, too, when this process is killed: its
// standard input closes then.
func Run(ctx context.Context, cfg Config, started func(pid int)) error {
	script, err := writeScript(cfg.Home)
	if err != nil {
		return err
	}
	cmd := exec.Command(cfg.Node.Path, script) //nolint:noctx // a context kills; the agent is asked to stop its pods first
	cmd.Dir = cfg.Home
	cmd.Env = append(os.Environ(), "STARK_AGENT_PARENT=stdin", "STARK_AGENT_HOME="+cfg.Home)
	for key, value := range cfg.Env {
		cmd.Env = append(cmd.Env, key+"="+value)
	}
	cmd.Stdout, cmd.Stderr = cfg.Out, cfg.Out
	ownGroup(cmd)
	leash, err := cmd.StdinPipe()
	if err != nil {
		return fmt.Errorf("start the agent: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return errors.Join(fmt.Errorf("start the agent: %w", err), leash.Close())
	}
	if started != nil {
		started(cmd.Process.Pid)
	}
	exited := make(chan error, 1)
	go func() { exited <- cmd.Wait() }()
	select {
	case err = <-exited:
		return outcome(err)
	case <-ctx.Done():
	}
	return stop(cmd, exited, cfg.Patience)
}

// stop asks, waits and, at last, kills.
func stop(cmd *exec.Cmd, exited <-chan error, patience time.Duration) error {
	if patience <= 0 {
		patience = 30 * time.Second
	}
	if err := terminate(cmd.Process); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("ask the agent to stop: %w", err)
	}
	late := time.NewTimer(patience)
	defer late.Stop()
	select {
	case err := <-exited:
		return outcome(err)
	case <-late.C:
	}
	if err := cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("kill the agent: %w", err)
	}
	<-exited
	return fmt.Errorf("the agent did not end within %s and was killed", patience)
}

func outcome(err error) error {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return &ExitError{Code: exit.ExitCode()}
	}
	if err != nil {
		return fmt.Errorf("run the agent: %w", err)
	}
	return nil
}

// writeScript puts the agent's program into its home, under its digest, so that a running agent never has it changed under it.
func writeScript(home string) (string, error) {
	if err := os.MkdirAll(home, 0o700); err != nil {
		return "", fmt.Errorf("make the agent's folder: %w", err)
	}
	sum := sha256.Sum256(agent.Script)
	path := filepath.Join(home, "agent-"+hex.EncodeToString(sum[:8])+".mjs")
	if have, err := os.ReadFile(path); err == nil && sha256.Sum256(have) == sum {
		return path, nil
	}
	temp := path + ".new"
	if err := os.WriteFile(temp, agent.Script, 0o600); err != nil {
		return "", fmt.Errorf("write the agent's program: %w", err)
	}
	if err := os.Rename(temp, path); err != nil {
		return "", fmt.Errorf("write the agent's program: %w", err)
	}
	return path, nil
}
