package postgres

import (
	"errors"
	"fmt"
)

// What Start refuses with. Match with errors.Is; the message around it says what to do.
var (
	ErrLocked     = errors.New("the state directory is in use")
	ErrPortInUse  = errors.New("the port is in use")
	ErrNoBinaries = errors.New("no usable PostgreSQL found")
	ErrDir        = errors.New("the state directory cannot be used")
	// ErrStopped is what a server that was stopped answers with.
	ErrStopped = errors.New("postgres is stopped")
)

// PortError is ErrPortInUse with the port.
type PortError struct{ Port int }

func (e *PortError) Error() string {
	return fmt.Sprintf("port %d on 127.0.0.1 is in use by another program; stop it or choose another port for Postgres", e.Port)
}

func (e *PortError) Unwrap() error { return ErrPortInUse }

// LockedError is ErrLocked with the directory and its holder.
type LockedError struct {
	Dir string
	PID int // 0 when unknown
}

func (e *LockedError) Error() string {
	holder := "another process"
	if e.PID > 0 {
		holder = fmt.Sprintf("process %d", e.PID)
	}
	return fmt.Sprintf("%s is in use by %s; stop that one or choose another state directory", e.Dir, holder)
}

func (e *LockedError) Unwrap() error { return ErrLocked }
