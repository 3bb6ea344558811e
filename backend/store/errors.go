package store

import (
	"cmp"
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
	"packs_name_version_key":         "this version of the pack is registered already",
	"packs_name_owner":               "the pack name belongs to another user",
	"packs_immutable":                "a registered pack version is immutable",
	"pods_namespace_name_key":        "a pod of this name is in the namespace already",
	"pods_pack_id_fkey":              "the pack is missing, or pods still refer to it",
	"pods_namespace_fkey":            "the namespace is missing, or pods are still in it",
	"pods_priority_class_fkey":       "the priority class is missing, or pods still refer to it",
	"pods_transition":                "the pod's status does not allow that",
	"pods_stop_is_final":             "a stopped pod cannot be started again",
	"pods_immutable":                 "what a pod runs is immutable",
	"priority_classes_pkey":          "a priority class of this name exists already",
	"priority_classes_one_default":   "another priority class is the default already",
	"deployments_namespace_name_key": "a deployment of this name is in the namespace already",
	"deployments_immutable":          "name, namespace, mode and owner of a deployment are immutable",
	"nodes_name_key":                 "a node of this name exists already",
	"nodes_in_use":                   "the node still has pods",
	"nodes_immutable":                "name and runtime type of a node are immutable",
	"namespaces_name_key":            "a namespace of this name exists already",
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
		message, hint := "you may not do that", "Ask an admin for the role that this needs."
		if !strings.Contains(pg.Message, "permission denied") && !strings.Contains(pg.Message, "row-level security") {
			message, hint = pg.Message, cmp.Or(pg.Hint, hint) // ours: raised by a trigger
		}
		return core.Errorf(core.CodeForbidden, "%s", message).WithHint(hint).WithCause(cause)
	case conflicts[pg.ConstraintName] != "":
		return core.Errorf(core.CodeConflict, "%s", conflicts[pg.ConstraintName]).WithHint(pg.Hint).WithCause(cause)
	case pg.Code == "23514" && pg.Detail != "" && pg.Detail == pg.ConstraintName:
		return ruleError(pg).WithCause(cause)
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
		message := strings.TrimPrefix(pg.Message, pg.ColumnName+": ")
		return core.Invalid(camel(pg.ColumnName), "%s", message).WithHint(pg.Hint).WithCause(cause)
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

// invalid are rules of our triggers that a request can never meet, whatever is there, with the field that is at fault.
var invalid = map[string]string{
	"pods_initial_state":          "status",
	"priority_classes_value_user": "value",
	"cluster_config_heartbeat":    "value",
}

// ruleError is for what a trigger of ours raised: it repeats the rule in the detail, and its message is for people. docs/errors.md lists them.
func ruleError(pg *pgconn.PgError) *core.Error {
	field, isInvalid := invalid[pg.ConstraintName]
	switch {
	case strings.HasPrefix(pg.ConstraintName, "namespaces_quota_"):
		return core.Errorf(core.CodeQuota, "%s", pg.Message).WithHint(pg.Hint)
	case isInvalid:
		return core.Invalid(field, "%s", pg.Message).WithHint(pg.Hint)
	default:
		return core.Errorf(core.CodeConflict, "%s", pg.Message).WithHint(pg.Hint)
	}
}

// fieldOf reads the column out of a constraint that Postgres named: <table>_<column>_check.
func fieldOf(table, constraint string) string {
	column, ok := strings.CutSuffix(strings.TrimPrefix(constraint, table+"_"), "_check")
	if !ok {
		return ""
	}
	return camel(column)
}

// camel turns a column's name into that of the API's field: min_runtime_version becomes minRuntimeVersion.
func camel(column string) string {
	words := strings.Split(column, "_")
	for i := 1; i < len(words); i++ {
		if words[i] != "" {
			words[i] = strings.ToUpper(words[i][:1]) + words[i][1:]
		}
	}
	return strings.Join(words, "")
}
