package rest

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// plan is what runs: one of a read, a mutation and a call, with the read of what comes out.
type plan struct {
	c        *catalog
	table    *table
	root     *node
	mutation *mutation
	call     *call
}

func (s *Server) plan(q *request, c *catalog) (*plan, *Error) {
	p := &plan{c: c}
	var err *Error
	if q.call {
		return s.planCall(q, p)
	}
	if p.table = c.table(q.schema, q.target); p.table == nil {
		return nil, errTable(q.schema, q.target, similar(q.target, c.tableNames(q.schema)))
	}
	source := ""
	if !q.read() {
		source = "pgrst_source"
	}
	if p.root, err = c.planRead(q, p.table, p.table.name, source, s.cfg.MaxRows); err != nil {
		return nil, err
	}
	if !q.read() {
		p.mutation, err = c.planMutation(q, p.table, p.root)
	}
	return p, err
}

func (s *Server) planCall(q *request, p *plan) (*plan, *Error) {
	var err *Error
	if p.call, err = p.c.resolveCall(q); err != nil {
		return nil, err
	}
	f := p.call.f
	if q.prefer.limit() != nil && !f.set {
		return nil, errRPCAffected
	}
	name := f.name
	if f.table != nil {
		name = f.table.name
	}
	p.table = f.table
	p.root, err = p.c.planRead(q, f.table, name, "pgrst_source", s.cfg.MaxRows)
	return p, err
}

func (c *catalog) tableNames(schemaName string) (names []string) {
	for name := range c.schemas[schemaName].tables {
		names = append(names, name)
	}
	return names
}

// outcome is what the database answered.
type outcome struct {
	total    *int64 // rows that there are, where that was asked for
	page     int64  // rows in the body, or affected
	body     []byte
	headers  string // of response.headers
	status   string // of response.status
	location []byte // JSON of the new row's key
	inserted *int64 // of an upsert
}

// run does everything in one transaction under the caller's role. It is rolled back for an error, and where Prefer says so.
func (s *Server) run(ctx context.Context, r *http.Request, q *request, who caller, p *plan) (*outcome, error) {
	mode := pgx.ReadWrite
	if q.read() || q.direct() || (p.call != nil && !p.call.f.volatile) {
		mode = pgx.ReadOnly
	}
	var out *outcome
	err := s.within(ctx, r, q, who, p.c, mode, func(tx pgx.Tx) (err error) {
		if out, err = execute(ctx, tx, q, p, s.cfg.MaxRows); err != nil {
			return err
		}
		if q.prefer.tx == "rollback" {
			return errRollback
		}
		return nil
	})
	if errors.Is(err, errRollback) {
		err = nil
	}
	return out, err
}

// errRollback ends a transaction that nobody wants kept.
var errRollback = errors.New("rolled back on purpose")

// within calls fn in a transaction under the caller's role.
func (s *Server) within(
	ctx context.Context, r *http.Request, q *request, who caller, c *catalog, mode pgx.TxAccessMode, fn func(pgx.Tx) error,
) error {
	wait, cancel := context.WithTimeout(ctx, 10*time.Second)
	conn, err := s.cfg.Pool.Acquire(wait)
	cancel()
	if err != nil {
		if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
			return errBusy
		}
		return err
	}
	defer conn.Release()
	return pgx.BeginTxFunc(ctx, conn, pgx.TxOptions{AccessMode: mode}, func(tx pgx.Tx) error {
		if err := s.become(ctx, tx, r, q, who, c); err != nil {
			return err
		}
		return fn(tx)
	})
}

// become takes on the caller's role, with its own settings, and tells SQL about the request.
// Source: PostgREST src/PostgREST/Query/PreQuery.hs.
func (s *Server) become(ctx context.Context, tx pgx.Tx, r *http.Request, q *request, who caller, c *catalog) error {
	path := []string{quote(q.schema)}
	for _, name := range extraSchemas {
		path = append(path, quote(name))
	}
	settings := []setting{
		{"search_path", strings.Join(path, ", ")}, {"role", who.role}, {"request.jwt.claims", who.claims}, {"request.method", r.Method},
		{"request.path", r.URL.Path}, {"request.headers", headersJSON(r)}, {"request.cookies", cookiesJSON(r)},
	}
	settings = append(settings, c.settings[who.role]...)
	if zone := q.prefer.timezone; zone != "" {
		known, err := knownZone(ctx, tx, zone)
		if err != nil {
			return err
		}
		if known {
			settings = append(settings, setting{"timezone", zone})
		} else if q.prefer.timezone = ""; q.prefer.handling == "strict" {
			return errPreferences([]string{"timezone=" + zone})
		}
	}
	st := &statement{}
	calls := make([]string, len(settings))
	for i, one := range settings {
		calls[i] = "set_config(" + st.arg(one.name) + ", " + st.arg(one.value) + ", true)"
	}
	return st.exec(ctx, tx, "SELECT "+strings.Join(calls, ", "), nil)
}

func knownZone(ctx context.Context, tx pgx.Tx, zone string) (known bool, err error) {
	st := &statement{}
	err = st.exec(ctx, tx, "SELECT 1 FROM pg_catalog.pg_timezone_names WHERE name = "+st.arg(zone), func([][]byte) error {
		known = true
		return nil
	})
	return known, err
}

// headersJSON are the headers as they were sent, Host among them and Cookie not, which has a setting of its own.
func headersJSON(r *http.Request) string {
	out := make(map[string]string, len(r.Header)+1)
	for name, values := range r.Header {
		out[strings.ToLower(name)] = strings.Join(values, ", ")
	}
	delete(out, "cookie")
	out["host"] = r.Host
	return string(mustJSON(out))
}

func cookiesJSON(r *http.Request) string {
	out := map[string]string{}
	for _, cookie := range r.Cookies() {
		out[cookie.Name] = cookie.Value
	}
	return string(mustJSON(out))
}

// exec runs a statement whose parameters are text of unknown type.
func (s *statement) exec(ctx context.Context, tx pgx.Tx, sql string, row func(columns [][]byte) error) error {
	if len(s.args) > math.MaxUint16 {
		return errTooMany // the protocol counts parameters in 16 bits
	}
	result := tx.Conn().PgConn().ExecParams(ctx, sql, s.args, nil, nil, nil).Read()
	if result.Err != nil {
		return result.Err
	}
	for _, columns := range result.Rows {
		if row == nil {
			return nil
		}
		if err := row(columns); err != nil {
			return err
		}
	}
	return nil
}

// execute runs the statement of a plan, and refuses what may not be an answer to it.
func execute(ctx context.Context, tx pgx.Tx, q *request, p *plan, maxRows int64) (*outcome, error) {
	st := &statement{c: p.c}
	out := &outcome{}
	if err := st.exec(ctx, tx, st.whole(q, p, maxRows), out.scan); err != nil {
		return nil, err
	}
	if q.media.kind == "object" && out.page != 1 {
		return nil, errSingular(out.page)
	}
	if p.mutation != nil && p.mutation.put && out.page != 1 {
		return nil, errPutPK
	}
	if most := q.prefer.limit(); most != nil && out.page > *most && (p.call != nil || q.method == http.MethodPatch || q.method == http.MethodDelete) {
		return nil, errMaxAffected(out.page)
	}
	if q.read() && (q.prefer.count == "planned" || (q.prefer.count == "estimated" && out.total != nil && *out.total > maxRows)) {
		planned, err := planned(ctx, tx, p)
		if err != nil {
			return nil, err
		}
		if out.total == nil || planned > *out.total {
			out.total = &planned
		}
	}
	return out, nil
}

// planned is how many rows the planner expects.
func planned(ctx context.Context, tx pgx.Tx, p *plan) (rows int64, err error) {
	st := &statement{c: p.c}
	err = st.exec(ctx, tx, "EXPLAIN (FORMAT JSON) "+st.count(p.root), func(columns [][]byte) error {
		var plans []struct {
			Plan struct {
				Rows float64 `json:"Plan Rows"`
			}
		}
		if err := json.Unmarshal(columns[0], &plans); err != nil {
			return err
		}
		if len(plans) > 0 {
			rows = int64(plans[0].Plan.Rows)
		}
		return nil
	})
	return rows, err
}

func (o *outcome) scan(columns [][]byte) error {
	number := func(text []byte) *int64 {
		n, err := strconv.ParseInt(string(text), 10, 64)
		if err != nil {
			return nil
		}
		return &n
	}
	o.total = number(columns[0])
	if page := number(columns[1]); page != nil {
		o.page = *page
	}
	o.body, o.headers, o.status, o.location, o.inserted = columns[2], string(columns[3]), string(columns[4]), columns[5], number(columns[6])
	return nil
}
