package schema_test

import (
	"context"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/tests/testdb"
)

// become makes the rest of a transaction a role's, and a user's.
func become(ctx context.Context, tx pgx.Tx, role, user string) error {
	_, err := tx.Exec(ctx, `select set_config('role', $1, true),
		set_config('request.jwt.claims', jsonb_build_object('sub', $2::text)::text, true)`, role, user)
	return err
}

func admins(t *testing.T, pool *pgxpool.Pool) (n int) {
	t.Helper()
	require.NoError(t, pool.QueryRow(t.Context(), "select count(*) from public.users where role = 'admin'").Scan(&n))
	return n
}

// Servers that start together offer one token; users who show it together make one admin.
func TestFirstAdminIsOne(t *testing.T) {
	t.Parallel()
	const racers = 8
	pool := testdb.New(t).Pool(t)
	tokens := make([]*string, racers)
	race(racers, func(i int) {
		if err := pool.QueryRow(t.Context(), "select stark.offer_setup()").Scan(&tokens[i]); err != nil {
			t.Error(err)
		}
	})
	var token string
	for _, offered := range tokens {
		if offered != nil {
			require.Empty(t, token, "offered twice")
			token = *offered
		}
	}
	require.NotEmpty(t, token)

	users := make([]string, racers)
	for i := range users {
		users[i] = newUser(t, pool, "viewer")
	}
	race(racers, func(i int) {
		err := pgx.BeginFunc(t.Context(), pool, func(tx pgx.Tx) error {
			if err := become(t.Context(), tx, "authenticated", users[i]); err != nil {
				return err
			}
			_, err := tx.Exec(t.Context(), "select stark.setup_admin($1)", token)
			return err
		})
		if err != nil && refusedBy(err) != "setup_done" {
			t.Error(err)
		}
	})
	require.Equal(t, 1, admins(t, pool))
}

// Admins who take the role from each other at the same time leave one.
func TestLastAdminStaysUnderFire(t *testing.T) {
	t.Parallel()
	const racers = 8
	pool := testdb.New(t).Pool(t)
	users := make([]string, racers)
	for i := range users {
		users[i] = newUser(t, pool, "admin")
	}
	race(racers, func(i int) {
		err := pgx.BeginFunc(t.Context(), pool, func(tx pgx.Tx) error {
			if err := become(t.Context(), tx, "authenticated", users[i]); err != nil {
				return err
			}
			_, err := tx.Exec(t.Context(), "update public.users set role = 'viewer' where id = $1", users[(i+1)%racers])
			return err
		})
		if err != nil && refusedBy(err) != "users_last_admin" && code(err) != "42501" && code(err) != "40P01" {
			t.Error(err)
		}
	})
	require.GreaterOrEqual(t, admins(t, pool), 1)
}

// race runs fn(0) to fn(n-1) at once and waits for all.
func race(n int, fn func(i int)) {
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { fn(i) })
	}
	all.Wait()
}
