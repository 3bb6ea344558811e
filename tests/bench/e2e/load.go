package e2e

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgconn"
)

// inserters are connections that insert pods, as many clients would: each statement is a transaction of its own.
type inserters struct {
	conns []*pgconn.PgConn
	pack  uuid.UUID
}

const (
	insertOne  = "insert into public.pods (id, pack_id) values ($1, $2)"
	insertMany = "insert into public.pods (id, pack_id) select unnest($1::uuid[]), $2"
)

func (w *world) inserters(ctx context.Context, n int) (*inserters, error) {
	in := &inserters{pack: w.pack}
	for range n {
		conn, err := pgconn.Connect(ctx, w.stack.DatabaseURL())
		if err != nil {
			return nil, errors.Join(fmt.Errorf("connect to insert: %w", err), in.close())
		}
		in.conns = append(in.conns, conn)
		for name, sql := range map[string]string{"one": insertOne, "many": insertMany} {
			if _, err := conn.Prepare(ctx, name, sql, nil); err != nil {
				return nil, errors.Join(fmt.Errorf("prepare %s: %w", name, err), in.close())
			}
		}
	}
	return in, nil
}

func (in *inserters) close() error {
	var err error
	for _, conn := range in.conns {
		err = errors.Join(err, conn.Close(context.Background()))
	}
	return err
}

// insert sends pods at a rate, batch rows in a statement, each statement at its time by the clock. When all connections are busy it is late,
// and the pods' wanted moment shows it.
func (in *inserters) insert(ctx context.Context, t *tracker, rate, batch int) error {
	var next atomic.Int64
	var wg sync.WaitGroup
	failures := make(chan error, len(in.conns))
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for _, conn := range in.conns {
		wg.Go(func() {
			for ctx.Err() == nil {
				first := int(next.Add(int64(batch))) - batch
				if first >= len(t.pods) {
					return
				}
				last := min(first+batch, len(t.pods))
				wanted := int64(float64(first) / float64(rate) * float64(time.Second))
				if wait := time.Duration(wanted - t.now()); wait > 0 {
					time.Sleep(wait)
				}
				if err := in.statement(ctx, conn, t, first, last, max(1, wanted)); err != nil {
					failures <- err
					cancel()
					return
				}
			}
		})
	}
	wg.Wait()
	select {
	case err := <-failures:
		return fmt.Errorf("insert: %w", err)
	default:
		return ctx.Err()
	}
}

func (in *inserters) statement(ctx context.Context, conn *pgconn.PgConn, t *tracker, first, last int, wanted int64) error {
	ids := make([]uuid.UUID, last-first)
	sent := t.now()
	for i := range ids {
		ids[i] = t.id(first + i)
		t.pods[first+i].wanted, t.pods[first+i].sent = wanted, sent
	}
	name, key := "one", ids[0][:]
	if len(ids) > 1 {
		name, key = "many", uuidArray(ids)
	}
	result := conn.ExecPrepared(ctx, name, [][]byte{key, in.pack[:]}, []int16{1, 1}, nil).Read()
	if result.Err != nil {
		return result.Err
	}
	acked := t.now()
	for i := first; i < last; i++ {
		t.pods[i].acked = acked
	}
	t.committed.Add(int64(len(ids)))
	return nil
}

// uuidArray is Postgres' binary form of uuid[].
// Source: src/backend/utils/adt/arrayfuncs.c array_recv.
func uuidArray(ids []uuid.UUID) []byte {
	const uuidOID = 2950
	out := appendInt32s(make([]byte, 0, 20+20*len(ids)), 1, 0, uuidOID, int32(len(ids)), 1)
	for _, id := range ids {
		out = append(appendInt32s(out, 16), id[:]...)
	}
	return out
}

func appendInt32s(out []byte, values ...int32) []byte {
	for _, v := range values {
		out = append(out, byte(v>>24), byte(v>>16), byte(v>>8), byte(v))
	}
	return out
}
