package rest

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// fromDatabase turns what the database answered into PostgREST's error. authed is whether the caller is somebody, not just anon. Errors that
// are none of the database's come back as they are.
func fromDatabase(err error, authed bool) error {
	var pg *pgconn.PgError
	var connect *pgconn.ConnectError
	switch {
	case errors.As(err, &pg):
		return pgError(pg, authed)
	case errors.As(err, &connect):
		return fail(http.StatusServiceUnavailable, "PGRST000", "Database connection error. Retrying the connection.").with(connect.Error(), "")
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return err
	case pgconn.Timeout(err):
		return errBusy
	}
	return err
}

func pgError(pg *pgconn.PgError, authed bool) *Error {
	if pg.Code == "PGRST" {
		return raisedResponse(pg)
	}
	e := fail(statusOf(pg, authed), pg.Code, pg.Message).with(pg.Detail, pg.Hint)
	if e.Status == http.StatusUnauthorized {
		e.Header = map[string]string{"WWW-Authenticate": "Bearer"}
	}
	return e
}

// statusByCode and statusByClass say which status an SQLSTATE has, the longer match first; everything else is 400.
// Source: PostgREST src/PostgREST/Error.hs, mapSQLtoHTTP.
var (
	statusByCode = map[string]int{
		"23503": http.StatusConflict,
		"23505": http.StatusConflict,
		"25006": http.StatusMethodNotAllowed,
		"42883": http.StatusNotFound,
		"42P01": http.StatusNotFound,
		"42P17": http.StatusInternalServerError,
		"53400": http.StatusInternalServerError,
		"57P01": http.StatusServiceUnavailable,
		"P0001": http.StatusBadRequest,
	}
	statusByClass = map[string]int{
		"08": http.StatusServiceUnavailable,
		"09": http.StatusInternalServerError,
		"0L": http.StatusForbidden,
		"0P": http.StatusForbidden,
		"25": http.StatusInternalServerError,
		"28": http.StatusForbidden,
		"2D": http.StatusInternalServerError,
		"38": http.StatusInternalServerError,
		"39": http.StatusInternalServerError,
		"3B": http.StatusInternalServerError,
		"40": http.StatusInternalServerError,
		"53": http.StatusServiceUnavailable,
		"54": http.StatusInternalServerError,
		"55": http.StatusInternalServerError,
		"57": http.StatusInternalServerError,
		"58": http.StatusInternalServerError,
		"F0": http.StatusInternalServerError,
		"HV": http.StatusInternalServerError,
		"P0": http.StatusInternalServerError,
		"XX": http.StatusInternalServerError,
	}
)

func statusOf(pg *pgconn.PgError, authed bool) int {
	switch {
	case pg.Code == "42501" && authed:
		return http.StatusForbidden
	case pg.Code == "42501":
		return http.StatusUnauthorized
	case pg.Code == "21000" && !strings.HasSuffix(pg.Message, "requires a WHERE clause"):
		return http.StatusInternalServerError
	case pg.Code == "22023" && strings.HasPrefix(pg.Message, "role") && strings.HasSuffix(pg.Message, "does not exist"):
		return http.StatusUnauthorized // the token's role
	case strings.HasPrefix(pg.Code, "PT"):
		return validStatus(pg.Code[2:])
	}
	if status, found := statusByCode[pg.Code]; found {
		return status
	}
	if status, found := statusByClass[pg.Code[:min(2, len(pg.Code))]]; found {
		return status
	}
	return http.StatusBadRequest
}

// validStatus is a status that someone's SQL asked for, as far as HTTP has it.
func validStatus(text string) int {
	status, err := strconv.Atoi(text)
	if err != nil || status < 200 || status > 999 {
		return http.StatusInternalServerError
	}
	return status
}

// raisedResponse is RAISE SQLSTATE 'PGRST', by which SQL controls the whole answer: its message is the body, its detail status and headers.
func raisedResponse(pg *pgconn.PgError) *Error {
	var body struct {
		Code    *string `json:"code"`
		Message *string `json:"message"`
		Details *string `json:"details"`
		Hint    *string `json:"hint"`
	}
	var answer struct {
		Status  *int              `json:"status"`
		Headers map[string]string `json:"headers"`
	}
	const bodyHint = "MESSAGE must be a JSON object with obligatory keys: 'code', 'message' and optional keys: 'details', 'hint'."
	const answerHint = "DETAIL must be a JSON object with obligatory keys: 'status', 'headers' and optional key: 'status_text'."
	bad := fail(http.StatusInternalServerError, "PGRST121", `Could not parse JSON in the "RAISE SQLSTATE 'PGRST'" error`)
	if err := json.Unmarshal([]byte(pg.Message), &body); err != nil || body.Code == nil || body.Message == nil {
		return bad.with("Invalid JSON value for MESSAGE: '"+pg.Message+"'", bodyHint)
	}
	if pg.Detail == "" {
		return bad.with("DETAIL is missing in the RAISE statement", answerHint)
	}
	if err := json.Unmarshal([]byte(pg.Detail), &answer); err != nil || answer.Status == nil || answer.Headers == nil {
		return bad.with("Invalid JSON value for DETAIL: '"+pg.Detail+"'", answerHint)
	}
	e := fail(validStatus(strconv.Itoa(*answer.Status)), *body.Code, *body.Message)
	e.Header = answer.Headers
	if body.Details != nil {
		e.Details = *body.Details
	}
	if body.Hint != nil {
		e.Hint = *body.Hint
	}
	return e
}
