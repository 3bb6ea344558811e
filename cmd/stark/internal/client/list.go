package client

import (
	"context"
	"maps"
	"net/http"
	"net/url"
	"strconv"
)

const pageSize = 500 // the server's maximum

// collect reads pages until there are no more or limit items are there; 0 is no limit. more says that the server has others.
func collect[T any](ctx context.Context, c *Client, path []string, query url.Values, limit int) (items []T, more bool, err error) {
	query = maps.Clone(query)
	if query == nil {
		query = url.Values{}
	}
	items = []T{}
	for {
		size := pageSize
		if limit > 0 {
			size = min(size, limit-len(items))
		}
		query.Set("limit", strconv.Itoa(size))
		var part []T
		page, err := c.do(ctx, call{method: http.MethodGet, path: path, query: query, out: &part})
		if err != nil {
			return nil, false, err
		}
		items = append(items, part...)
		if page == nil || page.Next == "" {
			return items, false, nil
		}
		if limit > 0 && len(items) >= limit {
			return items[:limit], true, nil
		}
		query.Set("cursor", page.Next)
	}
}

// put sets what is not empty.
func put(query url.Values, key, value string) {
	if value != "" {
		query.Set(key, value)
	}
}
