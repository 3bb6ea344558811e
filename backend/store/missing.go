package store

import (
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/stark-o/stark/backend/core"
)

// notFound is mapError for reading one thing: no row means that there is none for this caller.
func notFound(op, what string, err error) error {
	if errors.Is(err, pgx.ErrNoRows) {
		return refused(what, false)
	}
	return mapError(op, err)
}

// refusedUnless explains a change that matched no row; err is what reading the same thing said.
func refusedUnless(op, what string, err error) error {
	if err == nil {
		return refused(what, true)
	}
	return notFound(op, what, err)
}

// missing says that an input field names something that is not there.
func missing(err error, field, format string, args ...any) error {
	if errors.Is(err, pgx.ErrNoRows) {
		return core.Invalid(field, format, args...)
	}
	return mapError("resolve "+field, err)
}

// breaks says whether err is a breach of this constraint.
func breaks(err error, constraint string) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.ConstraintName == constraint
}

// outdated refuses a change of what somebody else has changed meanwhile.
func outdated(revision int64) error {
	return core.Errorf(core.CodeConflict, "changed by someone else: the revision is %d now", revision).WithHint("Read it again, then try again.")
}
