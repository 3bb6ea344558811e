package e2e

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/feed"
	"github.com/stark-o/stark/tests/bench/bench"
)

// Ceiling measures how fast any scheduler could be that goes the way insert → WAL → one UPDATE → WAL on this database: this one thinks
// nothing, checks nothing and tells nobody.
func Ceiling(ctx context.Context, run *bench.Run) (err error) {
	w, err := open(ctx, run)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	p, err := w.params(ctx)
	if err != nil {
		return err
	}
	in, err := w.inserters(ctx, run.Int("conns", connections))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.close()) }()
	nodes := run.Int("agents", 1000)
	_, err = w.pool.Exec(ctx, `insert into public.nodes (name, runtime_type, access, status, cpu, memory, max_pods)
		select 'bench-' || n, 'node', 'shared', 'healthy', '10000', '100Ti', 100000 from generate_series(1, $1::integer) n`, nodes)
	if err != nil {
		return fmt.Errorf("insert nodes: %w", err)
	}
	_, err = w.measureCeiling(ctx, in, nodes, p.With(bench.Params{"agents": nodes}))
	return err
}

func (w *world) measureCeiling(ctx context.Context, in *inserters, nodes int, p bench.Params) (rates map[int]float64, err error) {
	p = p.With(bench.Params{"scheduler": "none"})
	if err := w.clear(ctx); err != nil {
		return nil, err
	}
	l, err := w.bare(ctx)
	if err != nil {
		return nil, err
	}
	defer l.close()
	w.run.Progressf("the ceiling: no scheduler, %d nodes", nodes)
	if err := w.atRates(ctx, in, l, p); err != nil {
		return nil, err
	}
	return w.atMost(ctx, in, l, p)
}

// bareLoop assigns every pod that the feed shows to the next node in turn.
type bareLoop struct {
	pool    *pgxpool.Pool
	tracker atomic.Pointer[tracker]
	wake    chan struct{}
	stop    context.CancelFunc
	wg      sync.WaitGroup
	failure atomic.Pointer[error]

	mu    sync.Mutex // guards what follows
	queue []uuid.UUID
	nodes []uuid.UUID
	turn  int
}

func (w *world) bare(ctx context.Context) (*bareLoop, error) {
	l := &bareLoop{pool: w.pool, wake: make(chan struct{}, 1)}
	synced := make(chan struct{})
	follower, err := feed.New(feed.Config{
		URL: w.stack.DatabaseURL(), Log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})),
		Sink: func(c core.Changes) {
			l.take(c)
			if c.Snapshot {
				close(synced)
			}
		},
	})
	if err != nil {
		return nil, err
	}
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	l.stop = stop
	l.wg.Go(func() { _ = follower.Run(running) }) // ends with its context
	l.wg.Go(func() { l.run(running) })
	select {
	case <-synced:
		return l, nil
	case <-ctx.Done():
		l.close()
		return nil, context.Cause(ctx)
	}
}

func (l *bareLoop) close()            { l.stop(); l.wg.Wait() }
func (l *bareLoop) follow(t *tracker) { l.tracker.Store(t) }

func (l *bareLoop) healthy() error {
	if err := l.failure.Load(); err != nil {
		return *err
	}
	return nil
}

// take is the feed's sink.
func (l *bareLoop) take(c core.Changes) {
	t := l.tracker.Load()
	var waiting, nodes []uuid.UUID
	for _, event := range c.Events {
		switch e := event.(type) {
		case core.PodUpserted:
			switch {
			case e.Pod.Status == core.PodPending:
				waiting = append(waiting, e.Pod.ID)
			case e.Pod.Status == core.PodScheduled && t != nil:
				t.arrive(e.Pod.ID)
			}
		case core.NodeUpserted:
			if c.Snapshot {
				nodes = append(nodes, e.Node.ID)
			}
		}
	}
	l.add(waiting, nodes)
}

func (l *bareLoop) add(waiting, nodes []uuid.UUID) {
	if len(waiting)+len(nodes) == 0 {
		return
	}
	l.mu.Lock()
	l.queue = append(l.queue, waiting...)
	l.nodes = append(l.nodes, nodes...)
	l.mu.Unlock()
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

const assignBare = `update public.pods p set status = 'scheduled', node_id = d.node_id
	from (select unnest($1::uuid[]) as pod_id, unnest($2::uuid[]) as node_id) d
	where p.id = d.pod_id and p.status = 'pending' returning p.id`

// run writes one batch after the other, each of all that waits.
func (l *bareLoop) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-l.wake:
		}
		for ctx.Err() == nil {
			pods, homes := l.next()
			if len(pods) == 0 {
				break
			}
			if err := l.write(ctx, pods, homes); err != nil && ctx.Err() == nil {
				l.failure.Store(&err)
				return
			}
		}
	}
}

const bareBatch = 2000

func (l *bareLoop) next() (pods, homes []uuid.UUID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := min(len(l.queue), bareBatch)
	pods = l.queue[:n:n]
	l.queue = l.queue[n:]
	for range pods {
		homes = append(homes, l.nodes[l.turn%len(l.nodes)])
		l.turn++
	}
	return pods, homes
}

// write assigns a batch. Pods that the database does not show yet, although the feed did, wait for their next turn.
func (l *bareLoop) write(ctx context.Context, pods, homes []uuid.UUID) error {
	rows, err := l.pool.Query(ctx, assignBare, pods, homes)
	if err != nil {
		return fmt.Errorf("assign: %w", err)
	}
	taken := make(map[uuid.UUID]bool, len(pods))
	for rows.Next() {
		var id uuid.UUID
		if err := rows.Scan(&id); err != nil {
			return fmt.Errorf("assign: %w", err)
		}
		taken[id] = true
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("assign: %w", err)
	}
	var missed []uuid.UUID
	for _, id := range pods {
		if !taken[id] {
			missed = append(missed, id)
		}
	}
	if len(missed) > 0 {
		time.AfterFunc(time.Millisecond, func() { l.add(missed, nil) })
	}
	return nil
}
