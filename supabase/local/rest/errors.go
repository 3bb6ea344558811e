package rest

import (
	"fmt"
	"net/http"
	"strings"
)

// Error is PostgREST's error body, and the status it comes with.
// Source: PostgREST src/PostgREST/Error.hs.
type Error struct {
	Status  int               `json:"-"`
	Header  map[string]string `json:"-"`
	Code    string            `json:"code"`
	Details any               `json:"details"`
	Hint    any               `json:"hint"`
	Message string            `json:"message"`
}

func (e *Error) Error() string { return e.Code + ": " + e.Message }

func fail(status int, code, message string) *Error {
	return &Error{Status: status, Code: code, Message: message}
}

// with adds details and hint, where they are not empty.
func (e *Error) with(details, hint string) *Error {
	if details != "" {
		e.Details = details
	}
	if hint != "" {
		e.Hint = hint
	}
	return e
}

func errParse(what, input string, pos int, problem string) *Error {
	return fail(http.StatusBadRequest, "PGRST100", fmt.Sprintf("%q (line 1, column %d)", "failed to parse "+what+" ("+input+")", pos+1)).with(problem, "")
}

func errRPCMethod(method string) *Error {
	return fail(http.StatusMethodNotAllowed, "PGRST101", "Cannot use the "+method+" method on RPC")
}

func errBody(message string) *Error { return fail(http.StatusBadRequest, "PGRST102", message) }

func errRange(details string) *Error {
	return fail(http.StatusRequestedRangeNotSatisfiable, "PGRST103", "Requested range not satisfiable").with(details, "")
}

func errFilters() *Error {
	return fail(http.StatusMethodNotAllowed, "PGRST105", "Filters must include all and only primary key columns with 'eq' operators")
}

func errSchema(schema string, exposed []string) *Error {
	return fail(http.StatusNotAcceptable, "PGRST106", "Invalid schema: "+schema).
		with("", "Only the following schemas are exposed: "+strings.Join(exposed, ", "))
}

func errMedia(accepted []string) *Error {
	return fail(http.StatusNotAcceptable, "PGRST107", "None of these media types are available: "+strings.Join(accepted, ", "))
}

func errNotEmbedded(name string) *Error {
	return fail(http.StatusBadRequest, "PGRST108", "'"+name+"' is not an embedded resource in this request").
		with("", "Verify that '"+name+"' is included in the 'select' query parameter.")
}

func errSingular(rows int64) *Error {
	return fail(http.StatusNotAcceptable, "PGRST116", "Cannot coerce the result to a single JSON object").
		with(fmt.Sprintf("The result contains %d rows", rows), "")
}

func errMethod(method string) *Error {
	return fail(http.StatusMethodNotAllowed, "PGRST117", "Unsupported HTTP method: "+method)
}

func errRelatedOrder(origin, target string) *Error {
	return fail(http.StatusBadRequest, "PGRST118", "A related order on '"+target+"' is not possible").
		with("'"+origin+"' and '"+target+"' do not form a many-to-one or one-to-one relationship", "")
}

func errEmbedFilter(target string) *Error {
	return fail(http.StatusBadRequest, "PGRST120", "Bad operator on the '"+target+"' embedded resource").
		with("Only is null or not is null filters are allowed on embedded resources", "")
}

func errPreferences(invalid []string) *Error {
	return fail(http.StatusBadRequest, "PGRST122", "Invalid preferences given with handling=strict").
		with("Invalid preferences: "+strings.Join(invalid, ", "), "")
}

func errMaxAffected(rows int64) *Error {
	return fail(http.StatusBadRequest, "PGRST124", "Query result exceeds max-affected preference constraint").
		with(fmt.Sprintf("The query affects %d rows", rows), "")
}

var (
	errAggregates  = fail(http.StatusBadRequest, "PGRST123", "Use of aggregate functions is not allowed")
	errTooMany     = fail(http.StatusBadRequest, "PGRST100", "The request has more conditions than a statement has room for")
	errPath        = fail(http.StatusNotFound, "PGRST125", "Invalid path specified in request URL")
	errPutLimit    = fail(http.StatusBadRequest, "PGRST114", "limit/offset querystring parameters are not allowed for PUT")
	errPutPK       = fail(http.StatusBadRequest, "PGRST115", "Payload values do not match URL in primary key column(s)")
	errRPCAffected = fail(http.StatusBadRequest, "PGRST128",
		"Function must return SETOF or TABLE when max-affected preference is used with handling=strict")
	errBusy    = fail(http.StatusGatewayTimeout, "PGRST003", "Timed out acquiring connection from connection pool.")
	errNoCache = fail(http.StatusServiceUnavailable, "PGRST002", "Could not query the database for the schema cache. Retrying.")
)

// errColumn is a column of the payload that the table does not have.
func errColumn(table, column string) *Error {
	return fail(http.StatusBadRequest, "PGRST204", "Could not find the '"+column+"' column of '"+table+"' in the schema cache")
}

func errTable(schema, name, similar string) *Error {
	e := fail(http.StatusNotFound, "PGRST205", "Could not find the table '"+schema+"."+name+"' in the schema cache")
	if similar != "" {
		e.Hint = "Perhaps you meant the table '" + schema + "." + similar + "'"
	}
	return e
}

// stale tells whether e may come from a catalog that is older than the schema.
func (e *Error) stale() bool {
	switch e.Code {
	case "PGRST200", "PGRST202", "PGRST204", "PGRST205", "42704":
		return true
	}
	return false
}
