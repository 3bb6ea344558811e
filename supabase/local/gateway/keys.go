package gateway

import (
	"net/http"
	"slices"
	"strings"
)

const (
	roleAnon    = "anon"
	roleService = "service_role"
	newKeys     = "sb_" // what publishable and secret keys begin with
)

var (
	noKey = refusal{code: "UNAUTHORIZED_MISSING_API_KEY", Message: "No API key found in request",
		Hint: "No `apikey` request header or url param was found."}
	badKey = refusal{code: "UNAUTHORIZED_INVALID_API_KEY", Message: "Invalid API key",
		Hint: "Double check your Supabase `anon` or `service_role` API key."}
)

// admit finds the role that a request's API key stands for, "" without one, or says why the request gets no further.
func (g *gateway) admit(r *http.Request, rt route) (role string, no *refusal) {
	path := strings.TrimPrefix(r.URL.Path, rt.prefix)
	if isOpen(path, rt.open) {
		return "", nil
	}
	key := r.Header.Get("apikey")
	if key == "" {
		key = r.URL.Query().Get("apikey")
	}
	sent := bearer(r.Header)
	if strings.HasPrefix(sent, newKeys) {
		// Some clients send their key as a token, too, or as nothing else. It must not say something different from apikey.
		if key != "" && key != sent {
			return "", &badKey
		}
		if key == "" && !rt.needsKey {
			key = sent
		}
	}
	if key == "" {
		if rt.needsKey {
			return "", &noKey
		}
		return "", nil
	}
	role, known := g.keys.ResolveAPIKey(key)
	if !known && (rt.needsKey || strings.HasPrefix(key, newKeys)) {
		return "", &badKey
	}
	return role, nil
}

// authorize gives the request the JWT of its API key's role, unless a token is there already. An sb_ key is none, and goes no further.
func authorize(h http.Header, keys keyring, role string) {
	if sent := bearer(h); sent != "" && !strings.HasPrefix(sent, newKeys) {
		return
	}
	switch role {
	case roleAnon:
		h.Set("Authorization", "Bearer "+keys.AnonKey())
	case roleService:
		h.Set("Authorization", "Bearer "+keys.ServiceRoleKey())
	default:
		h.Del("Authorization")
	}
}

// withoutKey leaves an API key out of a query: a service needs none, and PostgREST would take it for a filter.
func withoutKey(query string) string {
	if !strings.Contains(query, "apikey=") {
		return query
	}
	return strings.Join(slices.DeleteFunc(strings.Split(query, "&"), func(part string) bool { return strings.HasPrefix(part, "apikey=") }), "&")
}

func bearer(h http.Header) string {
	scheme, token, _ := strings.Cut(h.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

func isOpen(path string, open []string) bool {
	for _, p := range open {
		if path == p || (strings.HasSuffix(p, "/") && strings.HasPrefix(path, p)) {
			return true
		}
	}
	return false
}
