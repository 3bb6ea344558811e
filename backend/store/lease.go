package store

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/store/internal/db"
)

// leaseName is the row of leader_lease that the decider holds.
const leaseName = "decider"

// AcquireLease takes the lease for ttl if it is free, or if holder has it from an earlier term, which that ends. ok is false when someone
// else holds it.
func (s *Store) AcquireLease(ctx context.Context, holder string, ttl time.Duration) (epoch core.Epoch, ok bool, err error) {
	row, err := s.q.AcquireLease(ctx, db.AcquireLeaseParams{Name: leaseName, Holder: holder, TtlSeconds: ttl.Seconds()})
	if errors.Is(err, pgx.ErrNoRows) {
		return core.Epoch{}, false, nil
	}
	if err != nil {
		return core.Epoch{}, false, mapError("acquire lease", err)
	}
	return core.Epoch{Holder: holder, Number: row.Epoch, Start: uint64(row.Position)}, true, nil
}

// RenewLease extends the lease, and says how far the WAL reaches now. ours is false when the lease is not ours any more.
func (s *Store) RenewLease(ctx context.Context, epoch core.Epoch, ttl time.Duration) (position uint64, ours bool, err error) {
	p, err := s.q.RenewLease(ctx, db.RenewLeaseParams{Name: leaseName, Holder: epoch.Holder, Epoch: epoch.Number, TtlSeconds: ttl.Seconds()})
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, false, nil
	}
	return uint64(p), err == nil, mapError("renew lease", err)
}

// ReleaseLease lets another server in at once.
func (s *Store) ReleaseLease(ctx context.Context, epoch core.Epoch) error {
	return mapError("release lease", s.q.ReleaseLease(ctx, db.ReleaseLeaseParams{Name: leaseName, Holder: epoch.Holder, Epoch: epoch.Number}))
}
