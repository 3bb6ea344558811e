package auth

import (
	"context"
	"log/slog"
	"net/http"
	"path"
	"regexp"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/crypto/bcrypt"

	"github.com/stark-o/stark/supabase/local/keys"
)

const (
	defaultTTL           = time.Hour
	defaultReuseInterval = 10 * time.Second
	defaultMinPassword   = 6
	defaultOTPLife       = time.Hour
	defaultMailInterval  = time.Second
	maxBody              = 1 << 20
)

// ClaimsHook is the seam for Supabase's custom access token hook: it sees the claims of a token that is about to be signed and returns the
// ones to sign instead. method is how the session came about: "password", "otp", "token_refresh" and others. An error refuses the session with 500.
type ClaimsHook func(ctx context.Context, userID uuid.UUID, method string, claims jwt.MapClaims) (jwt.MapClaims, error)

// Config is all that a Server needs.
type Config struct {
	// Pool connects as supabase_auth_admin. Needed.
	Pool *pgxpool.Pool
	// Keys signs and verifies. Needed.
	Keys *keys.Keyring
	// Issuer is the `iss` of access tokens, e.g. http://127.0.0.1:54321/auth/v1. Needed.
	Issuer string
	// SiteURL is where links in mails lead to in the end, when the request does not say.
	SiteURL string
	// RedirectURLs are other places that a request may name, with ** for anything and * for anything without a dot or slash. What is on
	// SiteURL's host is always allowed.
	RedirectURLs []string
	// Mailer sends what users get; default: a line in Log for each, with the link.
	Mailer Mailer
	// ConfirmEmail lets nobody in before they have followed the link in their mail; default off, as in `supabase start`.
	ConfirmEmail bool
	// SingleConfirmChange asks only the new address to confirm a change of it; default: with ConfirmEmail the old one has to as well.
	SingleConfirmChange bool
	// ReauthenticateForPassword asks for a mailed nonce where somebody sets a password in a session older than a day; default off.
	ReauthenticateForPassword bool
	// OTPLife is how long a link or code in a mail is good for; default an hour.
	OTPLife time.Duration
	// MailInterval is how long a user must wait between two mails of a kind; default a second, as in `supabase start`.
	MailInterval time.Duration
	// Log is told about what fails inside; default: nobody.
	Log *slog.Logger
	// AccessTokenTTL is how long an access token lives; default an hour. Whole seconds.
	AccessTokenTTL time.Duration
	// RefreshReuseInterval is how long a used refresh token may be sent again, for clients that lost the answer; default 10 s.
	RefreshReuseInterval time.Duration
	// PasswordMinLength in bytes; default 6.
	PasswordMinLength int
	// BcryptCost of new password hashes; default 10. Tests choose less.
	BcryptCost int
	// DisableSignup refuses POST /signup. The admin can still create users.
	DisableSignup bool
	// AccessTokenHookFunction is Supabase's custom access token hook as a function in the database, schema.name, such as
	// "public.custom_access_token_hook"; default none.
	AccessTokenHookFunction string
	// AccessTokenHook may change claims before they are signed; default none.
	AccessTokenHook ClaimsHook
	// Now is the clock; default time.Now. Keys should have the same one.
	Now func() time.Time
}

// Server is Auth as an http.Handler, on paths without the /auth/v1 prefix. It starts nothing and needs no stop; its Pool is the caller's.
type Server struct {
	cfg       Config
	mux       *http.ServeMux
	redirects []*regexp.Regexp
	decoyH    []byte // the hash that a login of an unknown user is compared with
}

// New makes a Server. It panics when Pool, Keys or Issuer is missing: that is a mistake in the program, not something to handle.
func New(cfg Config) *Server {
	if cfg.Pool == nil || cfg.Keys == nil || cfg.Issuer == "" {
		panic("auth: Config needs Pool, Keys and Issuer")
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.AccessTokenTTL < time.Second {
		cfg.AccessTokenTTL = defaultTTL
	}
	if cfg.RefreshReuseInterval == 0 {
		cfg.RefreshReuseInterval = defaultReuseInterval
	}
	if cfg.PasswordMinLength == 0 {
		cfg.PasswordMinLength = defaultMinPassword
	}
	if cfg.BcryptCost < bcrypt.MinCost || cfg.BcryptCost > bcrypt.MaxCost {
		cfg.BcryptCost = bcrypt.DefaultCost
	}
	if cfg.OTPLife == 0 {
		cfg.OTPLife = defaultOTPLife
	}
	if cfg.MailInterval == 0 {
		cfg.MailInterval = defaultMailInterval
	}
	if cfg.Mailer == nil {
		cfg.Mailer = logMailer{cfg.Log}
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	s := &Server{cfg: cfg, mux: http.NewServeMux(), redirects: globs(cfg.RedirectURLs), decoyH: decoy(cfg.BcryptCost)}
	s.routes()
	return s
}

// handler is one endpoint. An error that is no *Error is answered with 500 and logged.
type handler func(w http.ResponseWriter, r *http.Request) error

func (s *Server) routes() {
	for pattern, h := range map[string]handler{
		"POST /signup":               s.signup,
		"POST /token":                s.token,
		"GET /user":                  s.userGet,
		"PUT /user":                  s.userUpdate,
		"POST /logout":               s.logout,
		"POST /otp":                  s.otp,
		"POST /magiclink":            s.otp,
		"POST /recover":              s.recover,
		"POST /resend":               s.resend,
		"GET /verify":                s.verifyGet,
		"POST /verify":               s.verifyPost,
		"GET /reauthenticate":        s.reauthenticate,
		"POST /invite":               s.invite,
		"POST /admin/generate_link":  s.adminGenerateLink,
		"GET /settings":              s.settings,
		"GET /health":                s.health,
		"GET /.well-known/jwks.json": s.jwks,
		"GET /admin/users":           s.adminList,
		"POST /admin/users":          s.adminCreate,
		"GET /admin/users/{id}":      s.adminGet,
		"PUT /admin/users/{id}":      s.adminUpdate,
		"DELETE /admin/users/{id}":   s.adminDelete,
	} {
		s.handle(pattern, h)
	}
	for _, p := range unbuilt {
		s.handle(p, s.notBuilt)
	}
}

func (s *Server) handle(pattern string, h handler) {
	s.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		if err := h(w, r); err != nil {
			s.writeError(w, r, err)
		}
	})
}

// ServeHTTP answers one request. A trailing slash makes no difference; a path that is not clean does not exist (the mux would redirect to a
// place without the gateway's prefix).
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p := r.URL.Path
	if len(p) > 1 {
		p = strings.TrimSuffix(p, "/")
	}
	if path.Clean(p) != p {
		http.NotFound(w, r)
		return
	}
	if p != r.URL.Path {
		again := new(http.Request)
		*again = *r
		u := *r.URL
		u.Path, u.RawPath = p, ""
		again.URL = &u
		r = again
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	s.mux.ServeHTTP(w, r)
}

// now is the clock in the resolution of Postgres, so that an answer shows what the next read will.
func (s *Server) now() time.Time { return s.cfg.Now().UTC().Truncate(time.Microsecond) }
