package outage_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/supabase/local/internal/outage"
)

func TestIs(t *testing.T) {
	t.Parallel()
	_, refused := pgx.Connect(t.Context(), "postgres://postgres@127.0.0.1:1/postgres") // nobody listens there
	for name, err := range map[string]error{
		"nobody listens":         refused,
		"reset":                  &net.OpError{Op: "read", Err: syscall.ECONNRESET},
		"cut off":                io.ErrUnexpectedEOF,
		"ending":                 &pgconn.PgError{Code: "57P01"},
		"starting":               &pgconn.PgError{Code: "57P03"},
		"a connection exception": &pgconn.PgError{Code: "08006"},
	} {
		require.True(t, outage.Is(fmt.Errorf("find user: %w", err)), name)
	}
	for name, err := range map[string]error{
		"none":              nil,
		"no rows":           pgx.ErrNoRows,
		"a violation":       &pgconn.PgError{Code: "23505"},
		"a cancelled query": &pgconn.PgError{Code: "57014"},
		"a caller who left": context.Canceled,
		"anything":          errors.New("anything"),
	} {
		require.False(t, outage.Is(err), name)
	}
}
