package store

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/stark-o/stark/backend/core"
)

// conflicts are constraints whose breach is a conflict with what is there, with the message for people.
var conflicts = map[string]string{
	"packs_name_version_key":   "this version of the pack is registered already",
	"packs_name_owner":         "the pack name belongs to another user",
	"packs_immutable":          "a registered pack version is immutable",
	"pods_namespace_name_key":  "a pod of this name is in the namespace already",
	"pods_pack_id_fkey":        "the pack is missing, or pods still refer to it",
	"pods_namespace_fkey":      "the namespace is missing, or pods are still in it",
	"pods_priority_class_fkey": "the priority class is missing, or pods still refer to it",
	"pods_transition":          "the pod's status does not allow that",
	"pods_stop_is_final":       "a stopped pod cannot be started again",
	"pods_immutable":           "what a pod runs is immutable",
	"nodes_name_key":           "a node of this name exists already",
	"nodes_in_use":             "the node still has pods",
	"nodes_immutable":          "name and runtime type of a node are immutable",
	"namespaces_name_key":      "a namespace of this name exists already",
}

// schemaCodes say that a table, column or function is not there.
var schemaCodes = []string{"42P01", "42703", "42883", "3F000"}

// mapError gives what Postgres says a public face. The original stays as the private cause. nil stays nil.
func mapError(op string, err error) error {
	if err == nil {
		return nil
	}
	var public *core.Error
	if errors.As(err, &public) {
		return err
	}
	cause := fmt.Errorf("%s: %w", op, err)
	if errors.Is(err, pgx.ErrNoRows) {
		return core.Errorf(core.CodeNotFound, "not found").WithCause(cause)
	}
	var pg *pgconn.PgError
	if !errors.As(err, &pg) || isConnect(err) {
		var netErr net.Error
		if errors.As(err, &netErr) || pgconn.SafeToRetry(err) || errors.Is(err, context.DeadlineExceeded) || isConnect(err) {
			return core.Errorf(core.CodeUnavailable, "the database does not answer").WithCause(cause)
		}
		return cause
	}
	switch {
	case pg.Code == "42501":
		message := "you may not do that"
		if !strings.Contains(pg.Message, "permission denied") && !strings.Contains(pg.Message, "row-level security") {
			message = pg.Message // ours: raised by a trigger
		}
		return core.Errorf(core.CodeForbidden, "%s", message).WithHint("Ask an admin for the role that this needs.").WithCause(cause)
	case conflicts[pg.ConstraintName] != "":
		return core.Errorf(core.CodeConflict, "%s", conflicts[pg.ConstraintName]).WithHint(pg.Hint).WithCause(cause)
	case pg.Code == "23505" || pg.Code == "23503":
		return core.Errorf(core.CodeConflict, "conflicts with what is there").WithCause(cause)
	case pg.Code == "40001" || pg.Code == "40P01" || pg.Code == "55P03":
		return core.Errorf(core.CodeUnavailable, "changed by someone else at the same time; try again").WithCause(cause)
	case slices.Contains(schemaCodes, pg.Code):
		return core.Errorf(core.CodeUnavailable, "the database schema does not fit this version").
			WithHint("Apply the migrations: `stark serve --migrate` or `supabase db push`.").WithCause(cause)
	case pg.Code == "23514" && pg.ConstraintName != "":
		return core.Invalid(fieldOf(pg.TableName, pg.ConstraintName), "not allowed: %s", pg.ConstraintName).WithHint(pg.Hint).WithCause(cause)
	case pg.Code == "22023":
		return core.Errorf(core.CodeValidation, "%s", pg.Message).WithHint(pg.Hint).WithCause(cause)
	case strings.HasPrefix(pg.Code, "22"), strings.HasPrefix(pg.Code, "23"):
		return core.Errorf(core.CodeValidation, "a value is not valid").WithCause(cause)
	case pg.Code == "57014":
		return core.Errorf(core.CodeUnavailable, "the database took too long").WithCause(cause)
	case strings.HasPrefix(pg.Code, "57P"), strings.HasPrefix(pg.Code, "08"), strings.HasPrefix(pg.Code, "53"):
		return core.Errorf(core.CodeUnavailable, "the database does not answer").WithCause(cause)
	}
	return cause
}

func isConnect(err error) bool {
	var connect *pgconn.ConnectError
	return errors.As(err, &connect) || errors.Is(err, net.ErrClosed) || strings.Contains(err.Error(), "unexpected EOF") ||
		strings.Contains(err.Error(), "conn closed")
}

// fieldOf reads the column out of a constraint that Postgres named: <table>_<column>_check.
func fieldOf(table, constraint string) string {
	field, ok := strings.CutSuffix(strings.TrimPrefix(constraint, table+"_"), "_check")
	if !ok {
		return ""
	}
	words := strings.Split(field, "_")
	for i := 1; i < len(words); i++ {
		if words[i] != "" {
			words[i] = strings.ToUpper(words[i][:1]) + words[i][1:]
		}
	}
	return strings.Join(words, "")
}
