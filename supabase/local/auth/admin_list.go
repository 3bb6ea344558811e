package auth

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
)

const defaultPerPage = 50

// adminUserList is the answer to GET /admin/users; how many there are is in the headers.
type adminUserList struct {
	Users []*User `json:"users"`
	Aud   string  `json:"aud"`
}

// adminList is GET /admin/users?page=1&per_page=50&filter=text, latest first. Source: supabase/auth internal/api/pagination.go.
func (s *Server) adminList(w http.ResponseWriter, r *http.Request) error {
	if err := s.requireAdmin(r); err != nil {
		return err
	}
	page, perPage, err := paging(r.URL.Query())
	if err != nil {
		return badRequest(codeValidation, "Bad Pagination Parameters: %v", err)
	}
	aud := audience(r)
	users, total, err := listUsers(r.Context(), s.cfg.Pool, aud, r.URL.Query().Get("filter"), page, perPage)
	if err != nil {
		return storing("Database error finding users", err)
	}
	w.Header().Set("Link", pageLinks(r.URL, page, perPage, total))
	w.Header().Set("X-Total-Count", strconv.FormatInt(total, 10))
	return writeJSON(w, http.StatusOK, adminUserList{users, aud})
}

func paging(query url.Values) (page, perPage int64, err error) {
	page, perPage = 1, defaultPerPage
	if text := query.Get("page"); text != "" {
		if page, err = parseCount(text); err != nil {
			return 0, 0, err
		}
		page = max(page, 1)
	}
	if text := query.Get("per_page"); text != "" {
		if perPage, err = parseCount(text); err != nil {
			return 0, 0, err
		}
		if perPage == 0 {
			return 0, 0, fmt.Errorf("per_page must be greater than 0")
		}
	}
	return page, perPage, nil
}

func parseCount(text string) (int64, error) {
	n, err := strconv.ParseUint(text, 10, 31) // so that page*perPage fits
	return int64(n), err
}

// pageLinks is the Link header: next, where there is one, and last. page comes first in the query, for supabase-js reads it from there.
func pageLinks(u *url.URL, page, perPage, total int64) string {
	last := (total + perPage - 1) / perPage
	link := func(n int64, rel string) string {
		query := u.Query()
		query.Set("page", strconv.FormatInt(n, 10))
		return fmt.Sprintf("<%s?%s>; rel=%q", u.Path, query.Encode(), rel)
	}
	if last > page {
		return link(page+1, "next") + ", " + link(last, "last")
	}
	return link(last, "last")
}

func listUsers(ctx context.Context, q querier, aud, filter string, page, perPage int64) ([]*User, int64, error) {
	const where = ` where aud = $1 and ($2 = '' or email ilike $2 or raw_user_meta_data ->> 'full_name' ilike $2)`
	pattern := ""
	if filter != "" {
		pattern = "%" + strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(filter) + "%"
	}
	var total int64
	if err := q.QueryRow(ctx, `select count(*) from auth.users`+where, aud, pattern).Scan(&total); err != nil {
		return nil, 0, fmt.Errorf("auth: count users: %w", err)
	}
	rows, err := q.Query(ctx, selectUser+where+` order by created_at desc, id limit $3 offset $4`, aud, pattern, perPage, (page-1)*perPage)
	if err != nil {
		return nil, 0, fmt.Errorf("auth: list users: %w", err)
	}
	users, err := pgx.CollectRows(rows, scanUser)
	if err != nil {
		return nil, 0, fmt.Errorf("auth: list users: %w", err)
	}
	return users, total, withIdentities(ctx, q, users...)
}
