package doctor

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const maxAnswer = 1 << 20 // bytes

// answer is what came back, and the moments before and after.
type answer struct {
	code            int // HTTP
	status          string
	date            string
	body            []byte
	asked, answered time.Time
}

// get asks and reads the answer whole.
func (e *examination) get(ctx context.Context, target, apikey string) (answer, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		return answer{}, err
	}
	if apikey != "" {
		req.Header.Set("apikey", apikey)
	}
	a := answer{asked: e.Now()}
	resp, err := e.http.Do(req)
	if err != nil {
		return answer{}, plain(err)
	}
	defer func() { _ = resp.Body.Close() }() // read to its end, or given up
	a.code, a.status, a.date = resp.StatusCode, resp.Status, resp.Header.Get("Date")
	a.body, err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	a.answered = e.Now()
	return a, err
}

// plain is a transport's error without the method and URL.
func plain(err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		return wrapped.Err
	}
	return err
}

func (e *examination) server(ctx context.Context) {
	const check = "server"
	if e.Server == "" {
		e.found(check, serverUnknown, "")
		return
	}
	alive, err := e.get(ctx, e.Server+"/health", "")
	if err != nil {
		e.found(check, serverAway, e.Server+": "+err.Error())
		return
	}
	var health struct {
		Success bool
		Data    struct{ Version string }
	}
	if json.Unmarshal(alive.body, &health) != nil || !health.Success || health.Data.Version == "" {
		e.found(check, serverForeign, e.Server+": "+alive.status)
		return
	}
	if ready, err := e.get(ctx, e.Server+"/ready", ""); err != nil || ready.code != http.StatusOK {
		e.found(check, serverUnready, e.Server)
	} else {
		e.ok(check, "%s is ready", e.Server)
	}
	if health.Data.Version == e.Version {
		e.ok("version", "%s, as this program", e.Version)
	} else {
		e.found("version", serverOther, "server "+health.Data.Version+", this program "+e.Version)
	}
	then, err := http.ParseTime(alive.date)
	if err != nil { // proxies may leave it out
		return
	}
	if off, bad := skewed(then, alive.asked, alive.answered, time.Second); bad {
		e.found("server clock", serverClock, "by "+off.String())
	} else {
		e.ok("server clock", "agrees with this machine's")
	}
}

func (e *examination) login(ctx context.Context) {
	const check = "login"
	if e.Login == nil {
		e.found(check, loginNone, "")
		return
	}
	user, err := e.Login.Whoami(ctx)
	switch {
	case err != nil:
		e.found(check, loginRefused, err.Error())
	case user.Role == "viewer" || user.Role == "":
		e.found(check, loginRoleless, user.Email+" is "+user.Role)
	default:
		e.ok(check, "%s is %s", user.Email, user.Role)
	}
}

// project asks Auth, which stands behind the same gateway as Storage and PostgREST.
func (e *examination) project(ctx context.Context) {
	const check = "supabase"
	if e.SupabaseURL == "" || e.Key == "" {
		e.found(check, projectUnknown, "")
		return
	}
	at := strings.TrimRight(e.SupabaseURL, "/")
	if secret(e.Key) {
		e.found("public key", projectSecret, "")
		return
	}
	auth, err := e.get(ctx, at+"/auth/v1/health", e.Key)
	switch {
	case err != nil:
		e.found(check, projectAway, at+": "+err.Error())
		return
	case auth.code == http.StatusUnauthorized, auth.code == http.StatusForbidden:
		e.ok(check, "%s answers", at)
		e.found("public key", projectKey, "")
		return
	case auth.code != http.StatusOK:
		e.found(check, projectAway, at+": "+auth.status)
		return
	}
	e.ok(check, "%s answers", at)
	e.ok("public key", "is taken")
	jwks, err := e.get(ctx, at+"/auth/v1/.well-known/jwks.json", e.Key)
	var published struct{ Keys []json.RawMessage }
	switch {
	case e.HasSecret:
	case err != nil || json.Unmarshal(jwks.body, &published) != nil || len(published.Keys) == 0:
		e.found("signing keys", projectJWKS, "")
	default:
		e.ok("signing keys", "%d published", len(published.Keys))
	}
}

// secret says whether a key is one that must not be told: sb_secret_…, or a JWT with the role service_role.
func secret(key string) bool {
	if strings.HasPrefix(key, "sb_secret_") {
		return true
	}
	return claimedRole(key) == "service_role"
}
