package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/stark-o/stark/tests/bench/bench"
)

// apiWorld is a server with many pods that have ended and people who ask for them.
type apiWorld struct {
	*world
	server *server
	tokens []string
	users  []uuid.UUID
	ids    []uuid.UUID // of some pods
	params bench.Params
	client *http.Client
}

// Parameters: pods, packs, users (a list), seconds.
func openAPI(ctx context.Context, run *bench.Run) (_ *apiWorld, err error) {
	w := &apiWorld{}
	if w.world, err = open(ctx, run); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.close())
		}
	}()
	pods, packs, most := run.Int("pods", 100_000), run.Int("packs", 1000), slices.Max(run.Ints("users", 5, 50))
	if err = w.fill(ctx, pods, packs); err != nil {
		return nil, err
	}
	if w.server, err = w.serve(ctx); err != nil {
		return nil, err
	}
	for i := range most {
		email := fmt.Sprintf("user-%d@bench.local", i)
		id, err := w.stack.EnsureUser(ctx, email, password, "developer")
		if err != nil {
			return nil, err
		}
		token, err := w.login(ctx, email)
		if err != nil {
			return nil, err
		}
		w.users, w.tokens = append(w.users, id), append(w.tokens, token)
	}
	if w.params, err = w.world.params(ctx); err != nil {
		return nil, err
	}
	w.params["pods"], w.params["packs"] = pods, packs
	w.client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: most}}
	return w, nil
}

func (w *apiWorld) close() error {
	var err error
	if w.client != nil {
		w.client.CloseIdleConnections()
	}
	if w.server != nil {
		err = w.server.close()
	}
	return errors.Join(err, w.world.close())
}

// fill inserts what there is to ask for: pods of many packs, which have ended, so that nobody schedules them.
func (w *apiWorld) fill(ctx context.Context, pods, packs int) error {
	_, err := w.pool.Exec(ctx, `insert into public.packs (name, version, runtime_tag, owner_id, visibility, bundle_path, bundle_sha256, bundle_size)
		select 'bench-' || i, '1.0.0', 'universal', owner_id, 'public', bundle_path || i, bundle_sha256, 10 from public.packs, generate_series(1, $1::integer) i where name = 'bench'`, packs)
	if err != nil {
		return fmt.Errorf("insert packs: %w", err)
	}
	for from := 0; from < pods; from += 10_000 {
		_, err := w.pool.Exec(ctx, `with packs as (select array_agg(id) as ids from public.packs)
			insert into public.pods (pack_id, labels) select ids[1 + i % cardinality(ids)], jsonb_build_object('app', 'app-' || i % 1000)
			from packs, generate_series($1::integer, $2::integer) i`, from, min(from+10_000, pods)-1)
		if err != nil {
			return fmt.Errorf("insert pods: %w", err)
		}
	}
	if _, err := w.pool.Exec(ctx, "update public.pods set desired_state = 'stopped'"); err != nil {
		return fmt.Errorf("end pods: %w", err)
	}
	if _, err := w.pool.Exec(ctx, "vacuum (analyze) public.pods"); err != nil {
		return fmt.Errorf("vacuum: %w", err)
	}
	rows, err := w.pool.Query(ctx, "select id from public.pods order by id limit 5000")
	if err != nil {
		return fmt.Errorf("read ids: %w", err)
	}
	w.ids, err = pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	return err
}

// ask is one request; it must succeed.
func (w *apiWorld) ask(ctx context.Context, token, method, path string, body []byte, want int) error {
	req, err := http.NewRequestWithContext(ctx, method, w.server.URL()+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	res, err := w.client.Do(req)
	if err != nil {
		return err
	}
	text, err := io.ReadAll(res.Body)
	if err = errors.Join(err, res.Body.Close()); err != nil {
		return err
	}
	if res.StatusCode != want {
		return fmt.Errorf("%s %s: %d: %s", method, path, res.StatusCode, text)
	}
	return nil
}

// measure has so many people ask, each one request after the other, for so long, and reports how long they waited.
func (w *apiWorld) measure(ctx context.Context, what string, one func(ctx context.Context, user int) error) error {
	for _, users := range w.run.Ints("users", 5, 50) {
		until := time.Now().Add(time.Duration(w.run.Int("seconds", 10)) * time.Second)
		began := time.Now()
		var mu sync.Mutex
		var took []time.Duration
		var failed error
		var wg sync.WaitGroup
		for user := range users {
			wg.Go(func() {
				var mine []time.Duration
				var err error
				for err == nil && time.Now().Before(until) && ctx.Err() == nil {
					asked := time.Now()
					err = one(ctx, user)
					mine = append(mine, time.Since(asked))
				}
				mu.Lock()
				defer mu.Unlock()
				took, failed = append(took, mine...), errors.Join(failed, err)
			})
		}
		wg.Wait()
		if failed != nil {
			return failed
		}
		params := maps.Clone(w.params)
		params["users"], params["what"] = users, what
		w.run.Report(params, "rate", float64(len(took))/time.Since(began).Seconds(), "requests/s")
		percentiles(w.run, params, took)
	}
	return nil
}

func percentiles(run *bench.Run, params bench.Params, took []time.Duration) {
	slices.Sort(took)
	for _, p := range []int{50, 95, 99} {
		run.Report(params, fmt.Sprintf("p%d", p), took[min(len(took)*p/100, len(took)-1)].Seconds()*1000, "ms")
	}
}

// withAPI runs a benchmark on a world of its own.
func withAPI(ctx context.Context, run *bench.Run, do func(w *apiWorld) error) (err error) {
	w, err := openAPI(ctx, run)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	return do(w)
}

// APIList measures GET /api/pods under row-level security: the newest page, and the page of a label that one pod in a thousand carries.
func APIList(ctx context.Context, run *bench.Run) error {
	return withAPI(ctx, run, func(w *apiWorld) error {
		newest := func(ctx context.Context, user int) error {
			return w.ask(ctx, w.tokens[user], http.MethodGet, "/api/pods?namespace=default", nil, http.StatusOK)
		}
		labelled := func(ctx context.Context, user int) error {
			return w.ask(ctx, w.tokens[user], http.MethodGet, fmt.Sprintf("/api/pods?labelSelector=app%%3Dapp-%d", rand.IntN(1000)), nil, http.StatusOK)
		}
		return errors.Join(w.measure(ctx, "newest", newest), w.measure(ctx, "label", labelled))
	})
}

// APIGet measures GET /api/pods/:id.
func APIGet(ctx context.Context, run *bench.Run) error {
	return withAPI(ctx, run, func(w *apiWorld) error {
		return w.measure(ctx, "pod", func(ctx context.Context, user int) error {
			return w.ask(ctx, w.tokens[user], http.MethodGet, "/api/pods/"+w.ids[rand.IntN(len(w.ids))].String(), nil, http.StatusOK)
		})
	})
}

// APICreate measures POST /api/pods. Nobody places what is made: there are no nodes.
func APICreate(ctx context.Context, run *bench.Run) error {
	return withAPI(ctx, run, func(w *apiWorld) error {
		body, err := json.Marshal(map[string]any{"packId": w.pack, "resources": map[string]string{"cpu": "20m", "memory": "100Mi"}})
		if err != nil {
			return err
		}
		return w.measure(ctx, "pod", func(ctx context.Context, user int) error {
			return w.ask(ctx, w.tokens[user], http.MethodPost, "/api/pods", body, http.StatusCreated)
		})
	})
}

// RLSCost measures one page of pods in SQL, as the service and as a user under row-level security, in turns.
func RLSCost(ctx context.Context, run *bench.Run) error {
	return withAPI(ctx, run, func(w *apiWorld) error {
		const page = "select * from public.pods where namespace = 'default' order by created_at desc, id desc limit 50"
		took := map[string][]time.Duration{}
		for i := range run.Int("samples", 500) {
			for _, as := range []string{"service", "user"} {
				claims := fmt.Sprintf(`{"sub":%q,"role":"authenticated"}`, w.users[i%len(w.users)])
				began := time.Now()
				err := pgx.BeginFunc(ctx, w.pool, func(tx pgx.Tx) error {
					if as == "user" {
						if _, err := tx.Exec(ctx, "select set_config('role', 'authenticated', true), set_config('request.jwt.claims', $1, true)", claims); err != nil {
							return err
						}
					} else if _, err := tx.Exec(ctx, "select set_config('role', 'service_role', true), set_config('request.jwt.claims', $1, true)", "{}"); err != nil {
						return err
					}
					rows, err := tx.Query(ctx, page)
					if err != nil {
						return err
					}
					n := 0
					for rows.Next() {
						n++
					}
					if rows.Close(); rows.Err() == nil && n != 50 {
						return fmt.Errorf("%d rows as %s", n, as)
					}
					return rows.Err()
				})
				if err != nil {
					return err
				}
				took[as] = append(took[as], time.Since(began))
			}
		}
		for _, as := range []string{"service", "user"} {
			params := maps.Clone(w.params)
			params["as"] = as
			percentiles(run, params, took[as])
		}
		ratio := took["user"][len(took["user"])/2].Seconds() / took["service"][len(took["service"])/2].Seconds()
		run.Report(maps.Clone(w.params), "cost", ratio, "times") // both are sorted by now
		return nil
	})
}
