package supa

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/google/uuid"
	"github.com/supabase-community/gotrue-go"
	"github.com/supabase-community/gotrue-go/types"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/wire"
)

// Session is what Auth gives a user who has logged in. User carries the id and the address only: Stark's role is not Auth's to know.
type Session = wire.Session

// Scope says which of a user's sessions a logout ends.
type Scope = string

// The scopes of Supabase Auth.
const (
	ScopeLocal  Scope = "local"
	ScopeGlobal Scope = "global"
	ScopeOthers Scope = "others"
)

// SignIn exchanges an address and a password for a session. UNAUTHORIZED when they do not fit.
func (c *Client) SignIn(ctx context.Context, email, password string) (Session, error) {
	if email == "" || password == "" {
		return Session{}, core.Invalid("email", "an email address and a password are needed")
	}
	return c.session(ctx, func(auth gotrue.Client) (types.Session, error) {
		resp, err := auth.SignInWithEmailPassword(email, password)
		if err != nil {
			return types.Session{}, err
		}
		return resp.Session, nil
	})
}

// SignUp makes an account. AccessToken is empty when Auth wants the address confirmed first. CONFLICT when the account exists.
func (c *Client) SignUp(ctx context.Context, email, password string) (Session, error) {
	if email == "" || password == "" {
		return Session{}, core.Invalid("email", "an email address and a password are needed")
	}
	return c.session(ctx, func(auth gotrue.Client) (types.Session, error) {
		resp, err := auth.Signup(types.SignupRequest{Email: email, Password: password})
		if err != nil {
			return types.Session{}, err
		}
		session := resp.Session
		session.User = resp.User // without confirmation it is a session with a user in it, with confirmation only a user
		return session, nil
	})
}

// Refresh exchanges a refresh token, which is then used up, for a new session. UNAUTHORIZED when the session is over.
func (c *Client) Refresh(ctx context.Context, refreshToken string) (Session, error) {
	if refreshToken == "" {
		return Session{}, core.Errorf(core.CodeUnauthenticated, "a refresh token is needed").WithHint("Log in.")
	}
	return c.session(ctx, func(auth gotrue.Client) (types.Session, error) {
		resp, err := auth.RefreshToken(refreshToken)
		if err != nil {
			return types.Session{}, err
		}
		return resp.Session, nil
	})
}

// session makes one call of gotrue-go, which has no context and returns errors as text: the transport brings the first and keeps the second.
// The official supabase-go is not used: it sends the key as a bearer token.
func (c *Client) session(ctx context.Context, call func(gotrue.Client) (types.Session, error)) (Session, error) {
	ctx, cancel := context.WithTimeout(ctx, authTimeout)
	defer cancel()
	transport := &ctxTransport{ctx: ctx, next: c.transport}
	auth := gotrue.New("", c.key).WithCustomGoTrueURL(c.authURL("")).WithClient(*httpClient(transport))
	got, err := call(auth)
	switch {
	case transport.reply != nil:
		return Session{}, authError(transport.reply, false)
	case err != nil:
		return Session{}, unreachable("Auth", err)
	case got.User.ID == uuid.Nil:
		return Session{}, unreachable("Auth", errors.New("a session without a user"))
	}
	return sessionOf(got), nil
}

func sessionOf(s types.Session) Session {
	session := Session{AccessToken: s.AccessToken, RefreshToken: s.RefreshToken, User: wire.User{ID: s.User.ID, Email: s.User.Email}}
	switch {
	case s.ExpiresAt > 0:
		session.ExpiresAt = time.Unix(s.ExpiresAt, 0).UTC()
	case s.ExpiresIn > 0: // older Auth servers
		session.ExpiresAt = time.Now().Add(time.Duration(s.ExpiresIn) * time.Second).UTC().Truncate(time.Second)
	}
	return session
}

// SignOut ends sessions of the token's user. The request is made here because gotrue-go's Logout knows no scope. A session that is over
// already is no error.
func (c *Client) SignOut(ctx context.Context, accessToken string, scope Scope) error {
	if err := needToken(accessToken); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, authTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.authURL("/logout")+"?scope="+url.QueryEscape(scope), nil)
	if err != nil {
		return unreachable("Auth", err)
	}
	resp, err := c.do(req, accessToken)
	if err != nil {
		return unreachable("Auth", err)
	}
	if isSuccess(resp.StatusCode) {
		return resp.Body.Close()
	}
	answer, err := readReply(resp)
	if err != nil {
		return unreachable("Auth", err)
	}
	if code := authProblem(answer).code; code == "session_not_found" || code == "session_expired" {
		return nil
	}
	return authError(answer, true)
}

func (c *Client) authURL(path string) string { return c.base.String() + "/auth/v1" + path }
