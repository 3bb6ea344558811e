package storage

import (
	"net/http"
	"net/url"
	"strconv"

	"github.com/jackc/pgx/v5"
)

// listBuckets shows the buckets that the caller may see; limit, offset, sortColumn, sortOrder and search are in the query.
func (s *Server) listBuckets(w http.ResponseWriter, r *http.Request, c call) error {
	q := r.URL.Query()
	limit, err := countParam(q, "limit", 1)
	if err != nil {
		return err
	}
	offset, err := countParam(q, "offset", 0)
	if err != nil {
		return err
	}
	order, err := orderBy("querystring/sortColumn", q.Get("sortColumn"), "querystring/sortOrder", q.Get("sortOrder"), "id", "name", "created_at", "updated_at")
	if err != nil {
		return err
	}
	buckets := []bucket{}
	err = s.as(r.Context(), c.caller, "storage.bucket.list", nil, func(tx pgx.Tx) error {
		rows, err := tx.Query(r.Context(), `select `+bucketColumns+` from storage.buckets
			where strpos(lower(name), lower($1)) > 0 order by `+order+`, id limit $2 offset coalesce($3, 0)`, q.Get("search"), limit, offset)
		if err != nil {
			return err
		}
		buckets, err = pgx.AppendRows(buckets, rows, func(row pgx.CollectableRow) (bucket, error) { return scanBucket(row) })
		return err
	})
	if err != nil {
		return err
	}
	return writeJSON(w, buckets)
}

// countParam reads a number from the query; nil when it is not there.
func countParam(q url.Values, name string, atLeast int64) (*int64, error) {
	text := q.Get(name)
	if text == "" {
		return nil, nil
	}
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil {
		return nil, errSchema("querystring/" + name + " must be integer")
	}
	if n < atLeast {
		return nil, errSchema("querystring/" + name + " must be >= " + strconv.FormatInt(atLeast, 10))
	}
	return &n, nil
}

// orderBy makes the body of an ORDER BY from a request's words. What it returns holds no word that is not in columns, of which "name" is
// the default. Nulls come first: they are folders.
func orderBy(columnField, column, directionField, direction string, columns ...string) (string, error) {
	if column == "" {
		column = "name"
	}
	sql := ""
	for _, allowed := range columns {
		if column == allowed {
			sql = allowed
		}
	}
	if sql == "" {
		return "", errSchema(columnField + " must be equal to one of the allowed values")
	}
	if sql == "name" || sql == "id" {
		sql += ` collate "C"`
	}
	switch direction {
	case "", "asc":
		return sql + " asc nulls first", nil
	case "desc":
		return sql + " desc nulls first", nil
	}
	return "", errSchema(directionField + " must be equal to one of the allowed values")
}
