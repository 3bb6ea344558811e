package e2e

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/stark-o/stark/tests/bench/bench"
)

// endless is a pack that says one line and then does nothing until it is stopped.
const endless = `export default ({ signal }) => {
  console.log("up")
  return new Promise((resolve) => signal.addEventListener("abort", resolve))
}
`

// Start measures how long it takes from the INSERT of a pod, sent, to the first line that its pack prints (by the agent's clock, which is this
// machine's). cold: the agent has never had the bundle, so it is fetched from Storage and verified. warm: it is in the agent's cache.
func Start(ctx context.Context, run *bench.Run) error {
	return eachRuntime(ctx, run, func(s *site, p bench.Params) error {
		h, err := s.kind.start(ctx, s)
		if err != nil {
			return err
		}
		defer func() { _ = h.stop() }()
		run.Report(p, "agent_to_registered", bench.Millis(h.took), "ms")
		samples := run.Int("samples", 10)
		p = p.With(bench.Params{"samples": samples, "bundleKiB": run.Int("bundleKiB", 100)})
		var cold, warm []time.Duration
		for range samples {
			pack, err := s.push(ctx)
			if err != nil {
				return err
			}
			for _, into := range []*[]time.Duration{&cold, &warm} {
				lines, err := s.pods(ctx, pack, 1)
				if err != nil {
					return err
				}
				*into = append(*into, lines...)
				if err := s.clear(ctx); err != nil {
					return err
				}
			}
		}
		for name, all := range map[string][]time.Duration{"cold": cold, "warm": warm} {
			slices.Sort(all)
			run.Report(p.With(bench.Params{"bundle": name}), "insert_to_line_p50", bench.Millis(bench.Percentile(all, 0.5)), "ms")
			run.Report(p.With(bench.Params{"bundle": name}), "insert_to_line_max", bench.Millis(all[len(all)-1]), "ms")
		}
		return nil
	})
}

// Memory measures what an agent takes that runs nothing.
func Memory(ctx context.Context, run *bench.Run) error {
	return eachRuntime(ctx, run, func(s *site, p bench.Params) error {
		h, err := s.kind.start(ctx, s)
		if err != nil {
			return err
		}
		defer func() { _ = h.stop() }()
		own, all, err := h.settledMemory(ctx)
		if err != nil {
			return err
		}
		run.Report(p, "idle_pss", own, "MiB")
		if all > own {
			run.Report(p, "idle_pss_whole_browser", all, "MiB")
		}
		return nil
	})
}

// Density puts many pods on one agent with one INSERT: how fast they start, and what each takes.
func Density(ctx context.Context, run *bench.Run) error {
	return eachRuntime(ctx, run, func(s *site, p bench.Params) error {
		h, err := s.kind.start(ctx, s)
		if err != nil {
			return err
		}
		defer func() { _ = h.stop() }()
		pack, err := s.push(ctx)
		if err != nil {
			return err
		}
		if _, err := s.pods(ctx, pack, 1); err != nil { // the bundle is in the cache from here on
			return err
		}
		if err := s.clear(ctx); err != nil {
			return err
		}
		before, _, err := h.settledMemory(ctx)
		if err != nil {
			return err
		}
		n := run.Int("pods", s.kind.pods)
		lines, err := s.pods(ctx, pack, n)
		if err != nil {
			return err
		}
		after, _, err := h.settledMemory(ctx)
		if err != nil {
			return err
		}
		p = p.With(bench.Params{"pods": n, "bundle": "warm"})
		run.Report(p, "first_started", bench.Millis(lines[0]), "ms")
		run.Report(p, "all_started", bench.Millis(lines[n-1]), "ms")
		run.Report(p, "start_rate", float64(n)/lines[n-1].Seconds(), "pods/s")
		run.Report(p, "pss_per_pod", (after-before)/float64(n), "MiB")
		run.Report(p, "pss", after, "MiB")
		return s.clear(ctx)
	})
}

// eachRuntime measures with a stack of its own for each runtime; -set runtimes=node,chromium chooses.
func eachRuntime(ctx context.Context, run *bench.Run, measure func(*site, bench.Params) error) error {
	wanted := run.Strings("runtimes")
	for _, kind := range runtimes {
		if wanted != nil && !slices.Contains(wanted, kind.name) {
			continue
		}
		if err := onSite(ctx, run, kind, measure); err != nil {
			return fmt.Errorf("%s: %w", kind.name, err)
		}
	}
	return nil
}

func onSite(ctx context.Context, run *bench.Run, kind runtimeKind, measure func(*site, bench.Params) error) (err error) {
	w, err := open(ctx, run)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	p, err := w.params(ctx)
	if err != nil {
		return err
	}
	if _, err := w.token(ctx); err != nil { // makes the account
		return err
	}
	server, err := w.serve(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.close()) }()
	p = p.With(bench.Params{"runtime": kind.name})
	run.Report(p, "load1", load1(), "") // before we begin: what is far above 0 here spoils what follows
	return measure(&site{world: w, server: server, kind: kind}, p)
}

// push uploads a bundle that no agent has seen yet and registers it as a pack.
func (s *site) push(ctx context.Context) (pack uuid.UUID, err error) {
	token, err := s.login(ctx, ownerEmail)
	if err != nil {
		return pack, err
	}
	name := "bench-" + uuid.NewString()
	code := endless + "// " + name + "\n// " + strings.Repeat("x", s.run.Int("bundleKiB", 100)<<10)
	var owner string
	if err := s.pool.QueryRow(ctx, "select id from public.users where email = $1", ownerEmail).Scan(&owner); err != nil {
		return pack, fmt.Errorf("find the account: %w", err)
	}
	path := owner + "/" + name + "/1.0.0/bundle.js"
	if err := s.upload(ctx, token, path, code); err != nil {
		return pack, err
	}
	digest := sha256.Sum256([]byte(code))
	err = s.pool.QueryRow(ctx, `insert into public.packs (name, version, runtime_tag, owner_id, visibility, bundle_path, bundle_sha256, bundle_size)
		values ($1, '1.0.0', 'universal', $2, 'public', $3, $4, $5) returning id`,
		name, owner, path, hex.EncodeToString(digest[:]), len(code)).Scan(&pack)
	if err != nil {
		return pack, fmt.Errorf("insert a pack: %w", err)
	}
	return pack, nil
}

func (s *site) upload(ctx context.Context, token, path, code string) (err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.stack.URL()+"/storage/v1/object/packs/"+path, strings.NewReader(code))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("apikey", s.stack.PublishableKey())
	req.Header.Set("Content-Type", "text/javascript")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("upload a bundle: %w", err)
	}
	if res.StatusCode != http.StatusOK {
		err = fmt.Errorf("upload a bundle: status %d", res.StatusCode)
	}
	return errors.Join(err, res.Body.Close())
}

// pods inserts n pods in one statement and returns how long after it each has said its first line, sorted.
func (s *site) pods(ctx context.Context, pack uuid.UUID, n int) ([]time.Duration, error) {
	ids := make([]uuid.UUID, n)
	for i := range ids {
		ids[i] = uuid.New()
	}
	began := time.Now()
	_, err := s.pool.Exec(ctx, `insert into public.pods (id, pack_id, cpu, memory) select unnest($1::uuid[]), $2, '10m', '32Mi'`, ids, pack)
	if err != nil {
		return nil, fmt.Errorf("insert pods: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	for {
		var moments []time.Time
		err := s.pool.QueryRow(ctx, `select coalesce(array_agg(at order by at), '{}') from (
			select pod_id, min(at) as at from public.pod_logs where pod_id = any($1) and stream = 'stdout' group by pod_id) first`, ids).Scan(&moments)
		if err != nil {
			return nil, fmt.Errorf("read logs: %w", err)
		}
		if len(moments) == n {
			took := make([]time.Duration, n)
			for i, at := range moments {
				took[i] = at.Sub(began)
			}
			return took, nil
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("%d of %d pods have said a line: %w", len(moments), n, context.Cause(ctx))
		case <-time.After(20 * time.Millisecond):
		}
	}
}
