package store

import "context"

// Prune deletes rows that are older than cluster_config keeps them, at most so many of each kind, and says how many were deleted of the kind that had most.
func (s *Store) Prune(ctx context.Context, most int) (deleted int64, err error) {
	err = s.work.QueryRow(ctx, "select coalesce(max(value::bigint), 0) from jsonb_each_text(stark.prune($1))", most).Scan(&deleted)
	return deleted, mapError("prune", err)
}
