// Package doctor looks for what keeps Stark from working here, and says how to mend it. It changes nothing.
package doctor

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/stark-o/stark/backend/wire"
)

// checkTimeout bounds each check.
const checkTimeout = 10 * time.Second

// Finding is the outcome of one check.
type Finding struct {
	Check   string `json:"check"`
	Status  Status `json:"status"`
	Problem string `json:"problem,omitempty"` // a Problem's ID
	Message string `json:"message"`
	Mend    string `json:"mend,omitempty"`
}

// Login is who one is at the server.
type Login interface {
	Whoami(ctx context.Context) (wire.User, error)
}

// Target is what to look at. What is empty is not known, and then not checked.
type Target struct {
	Server  string // base URL
	Login   Login  // nil: nobody is logged in
	Version string // of this program

	SupabaseURL, Key string
	HasSecret        bool // SUPABASE_JWT_SECRET is set: tokens need no published keys
	DatabaseURL      string

	NodePath   string // "" is the one on PATH
	StateDir   string
	ConfigPath string
	Now        func() time.Time
}

// examination gathers what the checks find.
type examination struct {
	Target
	http     *http.Client
	findings []Finding
}

// Examine runs all checks, in the order in which things depend on each other.
func Examine(ctx context.Context, t Target) []Finding {
	e := &examination{Target: t, http: &http.Client{
		Timeout:       checkTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	for _, check := range []func(context.Context){e.server, e.login, e.project, e.database, e.node, e.state, e.config} {
		bounded, cancel := context.WithTimeout(ctx, 3*checkTimeout)
		check(bounded)
		cancel()
	}
	return e.findings
}

// Failed says whether anything that has to be mended was found.
func Failed(findings []Finding) bool {
	for _, f := range findings {
		if f.Status == Fail {
			return true
		}
	}
	return false
}

func (e *examination) ok(check, format string, args ...any) {
	e.findings = append(e.findings, Finding{Check: check, Status: OK, Message: fmt.Sprintf(format, args...)})
}

// found records a problem; the detail says what it is about here.
func (e *examination) found(check string, p Problem, detail string) {
	message := p.Says
	if detail != "" {
		message += ": " + detail
	}
	e.findings = append(e.findings, Finding{Check: check, Status: p.Status, Problem: p.ID, Message: message, Mend: p.Mend})
}

// Skews that matter: an access token is checked to the second, with little leeway.
const maxSkew = 5 * time.Second

// skewed says whether a clock that showed then, between asked and answered by ours, is off by more than maxSkew; granularity is its step.
func skewed(then, asked, answered time.Time, granularity time.Duration) (off time.Duration, bad bool) {
	switch {
	case then.After(answered):
		off = then.Sub(answered)
	case then.Add(granularity).Before(asked):
		off = then.Add(granularity).Sub(asked)
	}
	return off.Round(time.Second), off > maxSkew || off < -maxSkew
}
