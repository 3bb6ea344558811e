package local

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/stark-o/stark/supabase/local/postgres"
)

// drainTime is how long requests under way get to finish when the stack ends.
const drainTime = 5 * time.Second

// ending is how a stack ends: once, whoever asks first.
type ending struct {
	served chan error           // what the HTTP server ended with
	stop   chan context.Context // holds the first Stop's
	done   chan struct{}
	err    error // set before done is closed
}

func newEnding() ending {
	return ending{served: make(chan error, 1), stop: make(chan context.Context, 1), done: make(chan struct{})}
}

// watch owns the running stack: it waits for Stop or for the end of one of its parts, and ends the rest.
func (s *Stack) watch() {
	ctx := context.Background()
	var cause error
	select {
	case ctx = <-s.stop:
	case <-s.postgres.Done():
		cause = fmt.Errorf("the embedded stack lost Postgres: %w", cmp.Or(s.postgres.Err(), postgres.ErrStopped))
	case err := <-s.served:
		cause = fmt.Errorf("the embedded stack's gateway ended: %w", err)
	}
	if cause != nil {
		s.cfg.Log.Error("the embedded stack is ending", "error", cause)
	}
	s.err = errors.Join(cause, s.tearDown(ctx))
	close(s.done)
}

// Stop ends the stack in order - requests, connections, Postgres - and returns when nothing of it is left. A ctx that is done skips the
// patience, not the order. Calling it again waits for the same end. The error is also why the stack ended earlier by itself.
func (s *Stack) Stop(ctx context.Context) error {
	select {
	case s.stop <- ctx:
	default: // it is ending already
	}
	<-s.done
	return s.err
}

// Done is closed when the stack has ended, by Stop or because a part of it could not be kept up; Err then tells.
func (s *Stack) Done() <-chan struct{} { return s.done }

// Err is nil while the stack runs and after a clean Stop.
func (s *Stack) Err() error {
	select {
	case <-s.done:
		return s.err
	default:
		return nil
	}
}

// tearDown gives back whatever bringUp took, in the reverse order.
func (s *Stack) tearDown(ctx context.Context) error {
	var errs []error
	if s.http != nil {
		errs = append(errs, drain(ctx, s.http))
	} else if s.listener != nil {
		errs = append(errs, s.listener.Close())
	}
	if s.rest != nil {
		s.rest.Stop()
	}
	for _, pool := range s.pools {
		pool.Close()
	}
	if s.postgres != nil {
		errs = append(errs, s.postgres.Stop(ctx))
	}
	if s.temporary {
		errs = append(errs, os.RemoveAll(s.dir))
	}
	return errors.Join(errs...)
}

// drain lets requests under way finish, for a while. Cutting the rest off is no error.
func drain(ctx context.Context, server *http.Server) error {
	ctx, cancel := context.WithTimeout(ctx, drainTime)
	defer cancel()
	err := server.Shutdown(ctx)
	if ctx.Err() != nil {
		return server.Close()
	}
	return err
}
