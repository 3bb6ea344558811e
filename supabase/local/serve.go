package local

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"syscall"
	"time"

	"github.com/stark-o/stark/supabase/local/postgres"
)

// PortError is a port that another program has. It matches postgres.ErrPortInUse.
type PortError struct {
	Port    int
	Service string // who wanted it
	Flag    string // how to choose another
}

func (e *PortError) Error() string {
	return fmt.Sprintf("port %d on 127.0.0.1, which %s wants, is in use by another program: stop that one, or choose another port with %s",
		e.Port, e.Service, e.Flag)
}

func (e *PortError) Unwrap() error { return postgres.ErrPortInUse }

// listen takes the API's port. Where it is this state directory's other user who has it, the error says so instead.
func (s *Stack) listen(ctx context.Context) (err error) {
	var lc net.ListenConfig
	s.listener, err = lc.Listen(ctx, "tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(s.cfg.APIPort)))
	switch {
	case err == nil:
		s.port = s.listener.Addr().(*net.TCPAddr).Port
		return nil
	case errors.Is(err, syscall.EADDRINUSE):
		if held := postgres.Held(s.dir); held != nil {
			return held
		}
		return &PortError{Port: s.cfg.APIPort, Service: "the API", Flag: "--api-port"}
	default:
		return fmt.Errorf("listen on port %d (--api-port): %w", s.cfg.APIPort, err)
	}
}

// newHTTPServer bounds what an idle client can hold. Bodies have no deadline: an upload takes as long as it takes.
func newHTTPServer(h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}
