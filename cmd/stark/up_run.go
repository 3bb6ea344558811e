package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"github.com/stark-o/stark/backend/app"
	"github.com/stark-o/stark/cmd/stark/internal/agentproc"
	"github.com/stark-o/stark/cmd/stark/internal/devlogin"
	"github.com/stark-o/stark/supabase/local"
)

// upRun is a stack that is up: it owns the server, the agent and the command until all have ended.
type upRun struct {
	*cli
	o      upOptions
	stack  *local.Stack
	server *app.Server
	logins devlogin.Logins
	node   agentproc.Node
	home   string
	log    *slog.Logger
	began  time.Time
}

// errDone ends a stack whose command has ended well.
var errDone = errors.New("done")

// run keeps server and agent going until ctx ends, the command has ended, or one of them cannot go on. The agent stops first: its goodbye
// needs the server.
func (u upRun) run(ctx context.Context) error {
	serving, stopServer := context.WithCancel(context.WithoutCancel(ctx))
	defer stopServer()
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	var serverErr error
	var server, agent sync.WaitGroup
	server.Go(func() {
		serverErr = u.server.Run(serving)
		end(errors.New("the server has stopped"))
	})
	if !u.o.noAgent {
		agent.Go(func() {
			if err := u.keepAgent(ctx); err != nil {
				end(err)
			}
		})
	}
	go u.watchStack(ctx, end)

	err := u.work(ctx)
	asked := context.Cause(ctx)
	end(errDone)
	if !u.o.noAgent {
		u.note("• Stopping the agent")
	}
	agent.Wait()
	u.note("• Stopping the server")
	stopServer()
	server.Wait()
	return errors.Join(outcomeOf(err, asked), serverErr)
}

// outcomeOf is why the stack ended; a signal is what Ctrl-C is for, and no error.
func outcomeOf(err, asked error) error {
	var stopped *signalError
	switch {
	case err != nil && !errors.Is(err, context.Canceled):
		return err
	case asked == nil, errors.As(asked, &stopped):
		return nil
	}
	return asked
}

func (u upRun) watchStack(ctx context.Context, end context.CancelCauseFunc) {
	select {
	case <-u.stack.Done():
		end(fmt.Errorf("the embedded stack has stopped: %w", u.stack.Err()))
	case <-ctx.Done():
	}
}

// work waits until everything is ready, says so, and then runs the command or waits for the end.
func (u upRun) work(ctx context.Context) error {
	if err := u.waitReady(ctx); err != nil {
		return err
	}
	if len(u.o.command) > 0 {
		u.note("• Ready after %s", u.now().Sub(u.began).Round(100*time.Millisecond))
		return u.command(ctx)
	}
	if err := u.banner(); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

// waitReady waits for the feed's first listing and, if there is one, for the agent's registration.
func (u upRun) waitReady(ctx context.Context) error {
	late := time.NewTimer(waitTimeout)
	defer late.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	synced := false
	for !synced || (!u.o.noAgent && u.server.Connected() == 0) {
		select {
		case <-u.server.Synced():
			synced = true
		default:
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-late.C:
			return hinted("run it again with --verbose to see what they say", "server and agent were not ready within %s", waitTimeout)
		case <-tick.C:
		}
	}
	return nil
}

// keepAgent runs the agent, and runs it again when it crashed. It returns an error only when another try would end the same way.
func (u upRun) keepAgent(ctx context.Context) error {
	home := filepath.Join(u.home, "agent")
	credentials := agentproc.CredentialsPath(home)
	login := agentproc.Credentials{
		SupabaseURL: u.stack.URL(), AnonKey: u.stack.PublishableKey(), Email: u.logins.Agent.Email, Password: u.logins.Agent.Password,
	}
	if err := login.Write(credentials); err != nil {
		return err
	}
	env := map[string]string{"STARK_SERVER": u.server.URL(), "STARK_CREDENTIALS": credentials, "STARK_LOG_LEVEL": "warn"}
	if u.o.nodeName != "" {
		env["STARK_NODE_NAME"] = u.o.nodeName
	}
	if u.o.verbose {
		env["STARK_LOG_LEVEL"] = "info"
	}
	cfg := agentproc.Config{Node: u.node, Home: home, Env: env, Out: u.err}
	pause := 200 * time.Millisecond
	for {
		began := time.Now()
		err := agentproc.Run(ctx, cfg, func(pid int) { u.log.Info("agent started", "pid", pid) })
		if ctx.Err() != nil {
			return nil
		}
		var exit *agentproc.ExitError
		if err != nil && (!errors.As(err, &exit) || exit.Final()) {
			return err
		}
		if time.Since(began) > 10*time.Second {
			pause = 200 * time.Millisecond
		}
		u.log.Warn("the agent ended; starting it again", "error", err, "in", pause)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
		pause = min(2*pause, 5*time.Second)
	}
}

// command runs what came after --, with the stack in its environment.
func (u upRun) command(ctx context.Context) error {
	cmd := exec.CommandContext(ctx, u.o.command[0], u.o.command[1:]...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	cmd.Stdin, cmd.Stdout, cmd.Stderr = u.in, u.out, u.err
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	cmd.Env = append(os.Environ(),
		"STARK_BIN="+self, "STARK_SERVER="+u.server.URL(), "STARK_EMAIL="+u.logins.Person.Email, "STARK_PASSWORD="+u.logins.Person.Password,
		"STARK_CONFIG="+filepath.Join(u.home, "cli.json"), // a login here must not replace one that the person has elsewhere
		"SUPABASE_URL="+u.stack.URL(), "SUPABASE_ANON_KEY="+u.stack.AnonKey(), "SUPABASE_PUBLISHABLE_KEY="+u.stack.PublishableKey(),
		"SUPABASE_SERVICE_ROLE_KEY="+u.stack.ServiceRoleKey(), "SUPABASE_DB_URL="+u.stack.DatabaseURL())
	err = cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) && ctx.Err() == nil {
		return &statusError{code: max(exit.ExitCode(), 1)}
	}
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("run %s: %w", u.o.command[0], err)
	}
	return nil
}

// banner says what there is and what to do first.
func (u upRun) banner() error {
	lines := [][2]string{
		{"Server", u.server.URL()},
		{"Browser agent", u.server.URL() + "/agent"},
		{"Supabase URL", u.stack.URL()},
		{"Database URL", u.stack.DatabaseURL()},
		{"Publishable key", u.stack.PublishableKey()},
		{"Secret key", u.stack.SecretKey()},
		{"anon JWT", u.stack.AnonKey()},
		{"service_role JWT", u.stack.ServiceRoleKey()},
		{"Login", u.logins.Person.Email},
		{"Password", u.logins.Person.Password},
	}
	if !u.o.noAgent {
		lines = append(lines, [2]string{"Agent", "Node.js " + u.node.Version})
	}
	if !u.o.ephemeral {
		lines = append(lines, [2]string{"State", u.home})
	}
	if err := u.say("\nStark is up after %s. Everything listens on this machine only.\n", u.now().Sub(u.began).Round(100*time.Millisecond)); err != nil {
		return err
	}
	for _, l := range lines {
		if err := u.say("  %-18s %s", l[0], l[1]); err != nil {
			return err
		}
	}
	login := "stark login"
	if u.server.URL() != defaultServer {
		login += " --server " + u.server.URL()
	}
	_, err := io.WriteString(u.out, fmt.Sprintf(`
In another terminal:
  %s --email %s     # the password is above
  stark pack push DIR && stark pod run PACK -f

Ctrl-C stops everything.
`, login, u.logins.Person.Email))
	return err
}
