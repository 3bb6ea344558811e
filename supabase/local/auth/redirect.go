package auth

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
)

// redirectTo is where a mail's link will end: what the request asks for, the page that it came from, or the site, whichever is allowed
// first. Source: supabase/auth internal/utilities/request.go, GetReferrer.
func (s *Server) redirectTo(r *http.Request, asked string) string {
	for _, candidate := range []string{asked, r.Header.Get("redirect_to"), r.URL.Query().Get("redirect_to"), r.Referer()} {
		if candidate != "" && s.mayRedirect(candidate) {
			return candidate
		}
	}
	return s.cfg.SiteURL
}

// mayRedirect keeps tokens from strangers: only to the site's own host, and to what Config.RedirectURLs names.
func (s *Server) mayRedirect(to string) bool {
	target, err := url.Parse(to)
	if err != nil || target.Scheme == "" {
		return false
	}
	site, err := url.Parse(s.cfg.SiteURL)
	web := target.Scheme == "http" || target.Scheme == "https"
	if err == nil && web && target.Host != "" && target.User == nil && target.Hostname() == site.Hostname() {
		return true
	}
	bare, _, _ := strings.Cut(to, "#")
	for _, allowed := range s.redirects {
		if allowed.MatchString(bare) {
			return true
		}
	}
	return false
}

// globs turns patterns into expressions: ** is anything, * and ? do not cross a dot or a slash.
func globs(patterns []string) []*regexp.Regexp {
	found := make([]*regexp.Regexp, len(patterns))
	for i, pattern := range patterns {
		text := regexp.QuoteMeta(pattern)
		text = strings.NewReplacer(`\*\*`, `.*`, `\*`, `[^./]*`, `\?`, `[^./]`).Replace(text)
		found[i] = regexp.MustCompile("^" + text + "$") // quoted, so it always compiles
	}
	return found
}

// inFragment adds values to a URL as its fragment, where servers do not see them.
func inFragment(to string, values url.Values) string {
	bare, _, _ := strings.Cut(to, "#")
	return bare + "#" + values.Encode()
}

// inQuery adds values to a URL's query.
func inQuery(to string, values url.Values) (string, error) {
	u, err := url.Parse(to)
	if err != nil {
		return "", err
	}
	query := u.Query()
	for name := range values {
		query.Set(name, values.Get(name))
	}
	u.RawQuery = query.Encode()
	return u.String(), nil
}
