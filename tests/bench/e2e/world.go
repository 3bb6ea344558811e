package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/stark-o/stark/backend/app"
	scripts "github.com/stark-o/stark/functions/agent"
	"github.com/stark-o/stark/supabase/local"
	"github.com/stark-o/stark/tests/bench/bench"
)

// world is a stack of its own in a temporary directory, with a pack to run.
type world struct {
	run   *bench.Run
	dir   string
	stack *local.Stack
	pool  *pgxpool.Pool // of the role postgres
	pack  uuid.UUID
}

// open starts a stack as `stark up` does, not as tests do: what is committed is on disk.
func open(ctx context.Context, run *bench.Run) (_ *world, err error) {
	w := &world{run: run}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.close())
		}
	}()
	if w.dir, err = os.MkdirTemp("", "stark-bench-"); err != nil {
		return nil, err
	}
	if err = os.Chmod(w.dir, 0o711); err != nil { // Postgres may have to run as another user
		return nil, err
	}
	if w.stack, err = local.Start(ctx, local.Config{Dir: w.dir}); err != nil {
		return nil, err
	}
	if w.pool, err = pgxpool.New(ctx, w.stack.DatabaseURL()); err != nil {
		return nil, err
	}
	if err = w.whatIf(ctx); err != nil {
		return nil, err
	}
	owner, err := w.stack.EnsureUser(ctx, ownerEmail, password, "developer")
	if err != nil {
		return nil, err
	}
	err = w.pool.QueryRow(ctx, `insert into public.packs (name, version, runtime_tag, owner_id, visibility, bundle_path, bundle_sha256, bundle_size)
		values ('bench', '1.0.0', 'universal', $1, 'public', $2, $3, 10) returning id`,
		owner, owner.String()+"/bench/1.0.0/bundle.js", strings.Repeat("ab", 32)).Scan(&w.pack)
	if err != nil {
		return nil, fmt.Errorf("insert a pack: %w", err)
	}
	return w, nil
}

// whatIf runs the files of -set sql=file[,file…]: how would it be with another trigger, without an index?
func (w *world) whatIf(ctx context.Context) error {
	for _, path := range w.run.Strings("sql") {
		text, err := os.ReadFile(path)
		if err != nil {
			return fmt.Errorf("-set sql: %w", err)
		}
		if _, err := w.pool.Exec(ctx, string(text)); err != nil {
			return fmt.Errorf("-set sql=%s: %w", path, err)
		}
	}
	return nil
}

const password = "bench-password"

func (w *world) close() error {
	if w.pool != nil {
		w.pool.Close()
	}
	var err error
	if w.stack != nil {
		err = w.stack.Stop(context.Background())
	}
	return errors.Join(err, os.RemoveAll(w.dir))
}

// params is what every figure of this world is measured with.
func (w *world) params(ctx context.Context) (bench.Params, error) {
	p := bench.Params{"cpus": runtime.NumCPU(), "gomaxprocs": runtime.GOMAXPROCS(0)}
	for key, setting := range map[string]string{"postgres": "server_version", "fsync": "fsync", "synchronousCommit": "synchronous_commit"} {
		var value string
		if err := w.pool.QueryRow(ctx, "select split_part(current_setting($1), ' ', 1)", setting).Scan(&value); err != nil {
			return nil, fmt.Errorf("read %s: %w", setting, err)
		}
		p[key] = value
	}
	if files := w.run.Strings("sql"); files != nil {
		p["sql"] = files
	}
	return p, nil
}

// The accounts: one that may register shared nodes, one that owns packs.
const (
	agentEmail = "agents@bench.local"
	ownerEmail = "owner@bench.local"
)

// token logs the account in that may register shared nodes.
func (w *world) token(ctx context.Context) (string, error) {
	if _, err := w.stack.EnsureUser(ctx, agentEmail, password, "operator"); err != nil {
		return "", err
	}
	return w.login(ctx, agentEmail)
}

func (w *world) login(ctx context.Context, email string) (_ string, err error) {
	body := strings.NewReader(`{"email":"` + email + `","password":"` + password + `"}`)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.stack.Issuer()+"/token?grant_type=password", body)
	if err != nil {
		return "", err
	}
	req.Header.Set("apikey", w.stack.AnonKey())
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", fmt.Errorf("log in: %w", err)
	}
	defer func() { err = errors.Join(err, res.Body.Close()) }()
	var session struct {
		Token string `json:"access_token"`
	}
	if err := json.NewDecoder(res.Body).Decode(&session); err != nil || session.Token == "" {
		return "", fmt.Errorf("log in: status %d: %w", res.StatusCode, err)
	}
	return session.Token, nil
}

// server is the real one, in this process.
type server struct {
	*app.Server
	stop  context.CancelFunc
	ended chan error
}

func (w *world) serve(ctx context.Context) (*server, error) {
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	s, err := app.New(ctx, app.Config{
		Listen: "127.0.0.1:0", SupabaseURL: w.stack.URL(), AnonKey: w.stack.AnonKey(), DatabaseURL: w.stack.DatabaseURL(), Log: log,
		AgentPage: scripts.Page,
	})
	if err != nil {
		return nil, err
	}
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	out := &server{Server: s, stop: stop, ended: make(chan error, 1)}
	go func() { out.ended <- s.Run(running) }()
	err = out.await(ctx, func(r readiness) bool { return r.Lease.Leading && r.Feed.OK })
	if err != nil {
		return nil, errors.Join(err, out.close())
	}
	return out, nil
}

func (s *server) close() error { s.stop(); return <-s.ended }

// readiness is what /ready says of interest here.
type readiness struct {
	Feed         struct{ OK bool }
	Lease        struct{ Leading bool }
	Agents, Pods int
}

// await asks the server until it says what is waited for.
func (s *server) await(ctx context.Context, good func(readiness) bool) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	for {
		_, raw := s.Ready(ctx)
		var r readiness
		text, err := json.Marshal(raw)
		if err == nil {
			err = json.Unmarshal(text, &r)
		}
		if err != nil {
			return fmt.Errorf("read readiness: %w", err)
		}
		if good(r) {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the server does not get there: %s: %w", text, context.Cause(ctx))
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// clear removes all pods and leaves the table as a new one, so that no trial pays for what the one before left behind.
func (w *world) clear(ctx context.Context) error {
	for {
		tag, err := w.pool.Exec(ctx, "delete from public.pods where id in (select id from public.pods limit 20000)")
		if err != nil {
			return fmt.Errorf("clear: %w", err)
		}
		if tag.RowsAffected() == 0 {
			break
		}
	}
	for _, statement := range []string{"vacuum (analyze) public.pods"} {
		if _, err := w.pool.Exec(ctx, statement); err != nil {
			return fmt.Errorf("clear: %s: %w", statement, err)
		}
	}
	return w.checkpoint(ctx)
}

// checkpoint makes Postgres write out what is left to write, so that it does not do so in the next trial.
func (w *world) checkpoint(ctx context.Context) (err error) {
	conn, err := pgx.Connect(ctx, w.stack.Postgres().URL("supabase_admin", "postgres"))
	if err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	defer func() { err = errors.Join(err, conn.Close(context.WithoutCancel(ctx))) }()
	_, err = conn.Exec(ctx, "checkpoint")
	return err
}
