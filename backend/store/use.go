package store

import (
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// PoolUse says how much of a pool of connections is in use.
type PoolUse struct {
	Acquired, Idle, Max int32
	Waited              time.Duration // for a connection, in all, since the start
}

// Use says it of each pool, by its name.
func (s *Store) Use() map[string]PoolUse {
	use := map[string]PoolUse{}
	for name, pool := range map[string]*pgxpool.Pool{"requests": s.requests, "work": s.work} {
		stat := pool.Stat()
		use[name] = PoolUse{Acquired: stat.AcquiredConns(), Idle: stat.IdleConns(), Max: stat.MaxConns(), Waited: stat.AcquireDuration()}
	}
	return use
}
