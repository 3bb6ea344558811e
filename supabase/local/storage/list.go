package storage

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// entry is an object, or a folder: then all but the name is null.
type entry struct {
	Name           string          `json:"name"`
	ID             *string         `json:"id"`
	UpdatedAt      *time.Time      `json:"updated_at"`
	CreatedAt      *time.Time      `json:"created_at"`
	LastAccessedAt *time.Time      `json:"last_accessed_at"`
	Metadata       json.RawMessage `json:"metadata"`
}

// listBody is what to list. Prefix is a folder, with or without its slash; search is the beginning of names in it.
type listBody struct {
	Prefix *string `json:"prefix"`
	Limit  *int64  `json:"limit"`
	Offset int64   `json:"offset"`
	Search string  `json:"search"`
	SortBy struct {
		Column string `json:"column"`
		Order  string `json:"order"`
	} `json:"sortBy"`
}

const defaultListLimit = 100

// list shows one level: the objects in a folder that the caller may see, and the folders that hold any.
// It does what storage.search does there, without taking % and _ in a prefix for wildcards.
func (s *Server) list(w http.ResponseWriter, r *http.Request, c call) error {
	var in listBody
	if err := decodeJSON(w, r, &in); err != nil {
		return err
	}
	limit := int64(defaultListLimit)
	switch {
	case in.Prefix == nil:
		return errSchema("body must have required property 'prefix'")
	case in.Limit != nil && *in.Limit < 1:
		return errSchema("body/limit must be >= 1")
	case in.Offset < 0:
		return errSchema("body/offset must be >= 0")
	case in.Limit != nil:
		limit = *in.Limit
	}
	order, err := orderBy("body/sortBy/column", in.SortBy.Column, "body/sortBy/order", in.SortBy.Order, "name", "updated_at", "created_at", "last_accessed_at")
	if err != nil {
		return err
	}
	prefix := *in.Prefix
	if prefix != "" && !strings.HasSuffix(prefix, "/") {
		prefix += "/"
	}
	entries := []entry{}
	err = s.as(r.Context(), c.caller, "storage.object.list", nil, func(tx pgx.Tx) error {
		rows, err := tx.Query(r.Context(), `
			with found as (
			  select substr(name, length($2) + 1) as rest, id, updated_at, created_at, last_accessed_at, metadata
			  from storage.objects
			  where bucket_id = $1 and starts_with(name, $2) and name <> $2
			    and starts_with(lower(substr(name, length($2) + 1)), lower($3))
			)
			select * from (
			  select distinct split_part(rest, '/', 1) as name, null::text as id, null::timestamptz as updated_at, null::timestamptz as created_at,
			    null::timestamptz as last_accessed_at, null::jsonb as metadata
			  from found where strpos(rest, '/') > 0
			  union all
			  select rest, id::text, updated_at, created_at, last_accessed_at, metadata from found where strpos(rest, '/') = 0
			) e order by `+order+`, name collate "C", id nulls first limit $4 offset $5`, c.bucket, prefix, in.Search, limit, in.Offset)
		if err != nil {
			return err
		}
		entries, err = pgx.AppendRows(entries, rows, pgx.RowToStructByPos[entry])
		return err
	})
	if err != nil {
		return err
	}
	return writeJSON(w, entries)
}
