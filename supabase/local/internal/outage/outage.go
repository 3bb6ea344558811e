// Package outage tells a database that is away for the moment from one that refuses.
package outage

import (
	"errors"
	"io"
	"net"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// states are those of a server that is ending, starting or full: admin_shutdown, crash_shutdown, cannot_connect_now, too_many_connections.
var states = []string{"57P01", "57P02", "57P03", "53300"}

// Is says whether err means that Postgres cannot be reached right now, so that the same request may succeed a little later. What a statement
// did whose connection broke is then unknown.
func Is(err error) bool {
	var connect *pgconn.ConnectError
	if errors.As(err, &connect) {
		return true
	}
	var answer *pgconn.PgError
	if errors.As(err, &answer) {
		return slices.Contains(states, answer.Code) || strings.HasPrefix(answer.Code, "08") // connection exceptions
	}
	var network *net.OpError
	return errors.As(err, &network) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) || pgconn.SafeToRetry(err)
}
