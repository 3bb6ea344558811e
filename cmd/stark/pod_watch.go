package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/wire"
	"github.com/stark-o/stark/cmd/stark/internal/follow"
)

// errTimeout ends --wait and -f after --timeout.
var errTimeout = errors.New("timed out")

// await stays until the pod runs or has ended, and tells how it gets there. It returns the pod as seen last; the error is about
// the waiting, or that the pod failed.
func (c *cli) await(ctx context.Context, conn *connection, pod wire.Pod, o runOptions) (wire.Pod, error) {
	ctx, cancel := limit(ctx, o.timeout)
	defer cancel()
	last, err := follow.Pod(ctx, conn, pod.ID, follow.Watch{Status: c.tellStatus(), Until: follow.Running}, c.pace)
	if last.Name == "" { // not even seen once
		last = pod
	}
	if err != nil {
		return last, c.leave(last, err)
	}
	return last, outcome(last)
}

// attend prints what the pod writes until it has ended.
func (c *cli) attend(ctx context.Context, conn *connection, pod wire.Pod, o runOptions) error {
	ctx, cancel := limit(ctx, o.timeout)
	defer cancel()
	watch := follow.Watch{Status: c.tellStatus(), Line: c.logLine(false)}
	last, err := follow.Pod(ctx, conn, pod.ID, watch, c.pace)
	if last.Name == "" { // not even seen once
		last = pod
	}
	if err != nil {
		return c.leave(last, err)
	}
	if result := someJSON(last.Result, "null"); result != "" {
		c.note("result: %s", result)
	}
	return outcome(last)
}

func limit(ctx context.Context, timeout time.Duration) (context.Context, context.CancelFunc) {
	if timeout == 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeoutCause(ctx, timeout, errTimeout)
}

// tellStatus says where the pod is, and what a pending one waits for.
func (c *cli) tellStatus() func(wire.Pod) error {
	return func(p wire.Pod) error {
		switch why := waitingFor(p); {
		case why != "":
			c.note("pod/%s is pending: %s", p.Name, why)
		case p.NodeName != "" && !p.Status.Final():
			c.note("pod/%s is %s on %s", p.Name, p.Status, p.NodeName)
		default:
			c.note("pod/%s is %s%s", p.Name, p.Status, because(p))
		}
		return nil
	}
}

// leave says what becomes of a pod that nobody waits for any more.
func (c *cli) leave(p wire.Pod, err error) error {
	if errors.Is(err, errTimeout) {
		err = fmt.Errorf("gave up waiting for pod/%s, which is %s: %w", p.Name, p.Status, errTimeout)
	}
	c.note("pod/%s goes on without this command; see `stark pod logs %s -n %s -f`, `stark pod stop %s -n %s`",
		p.Name, p.Name, p.Namespace, p.Name, p.Namespace)
	return err
}

// outcome is an error if the pod failed.
func outcome(p wire.Pod) error {
	if p.Status != core.PodFailed {
		return nil
	}
	message := ""
	if p.Message != "" {
		message = ": " + p.Message
	}
	return hinted(fmt.Sprintf("`stark pod history %s -n %s` shows how it came to that", p.Name, p.Namespace),
		"pod/%s failed%s%s", p.Name, because(p), message)
}
