package local

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// EnsureUser makes sure that someone can log in with this address and password and has this role in public.users: admin, operator,
// developer, viewer or node. It goes the way a person would, through Auth's admin API, and leaves alone what is right already, so that
// sessions of an earlier run stay.
func (s *Stack) EnsureUser(ctx context.Context, email, password, role string) (id uuid.UUID, err error) {
	id, err = s.ensureAccount(ctx, email, password)
	if err == nil {
		err = s.giveRole(ctx, id, role)
	}
	if err != nil {
		return uuid.Nil, fmt.Errorf("ensure user %s: %w", email, err)
	}
	return id, nil
}

type account struct {
	ID    uuid.UUID `json:"id"`
	Email string    `json:"email"`
}

func (s *Stack) ensureAccount(ctx context.Context, email, password string) (uuid.UUID, error) {
	var made account
	wanted := map[string]any{"email": email, "password": password, "email_confirm": true}
	err := s.auth(ctx, http.MethodPost, "/admin/users", s.ServiceRoleKey(), wanted, &made)
	var no *refusedError
	if err == nil || !errors.As(err, &no) || no.code != "email_exists" {
		return made.ID, err
	}
	var session struct {
		AccessToken string  `json:"access_token"`
		User        account `json:"user"`
	}
	login := map[string]any{"email": email, "password": password}
	err = s.auth(ctx, http.MethodPost, "/token?grant_type=password", s.AnonKey(), login, &session)
	switch {
	case err == nil:
		return session.User.ID, s.auth(ctx, http.MethodPost, "/logout?scope=local", session.AccessToken, nil, nil)
	case errors.As(err, &no) && (no.code == "invalid_credentials" || no.code == "email_not_confirmed"):
		return s.resetAccount(ctx, email, wanted)
	default:
		return uuid.Nil, err
	}
}

// resetAccount gives an account that exists another password.
func (s *Stack) resetAccount(ctx context.Context, email string, wanted map[string]any) (uuid.UUID, error) {
	var found struct {
		Users []account `json:"users"`
	}
	err := s.auth(ctx, http.MethodGet, "/admin/users?per_page=1000&filter="+url.QueryEscape(email), s.ServiceRoleKey(), nil, &found)
	if err != nil {
		return uuid.Nil, err
	}
	for _, user := range found.Users {
		if strings.EqualFold(user.Email, email) {
			return user.ID, s.auth(ctx, http.MethodPut, "/admin/users/"+user.ID.String(), s.ServiceRoleKey(), wanted, nil)
		}
	}
	return uuid.Nil, errors.New("the address is taken, but the account is not found")
}

// giveRole writes the role only where it differs: an update wakes whoever follows the table.
func (s *Stack) giveRole(ctx context.Context, id uuid.UUID, role string) (err error) {
	conn, err := pgx.Connect(ctx, s.DatabaseURL())
	if err != nil {
		return fmt.Errorf("give role %s: %w", role, err)
	}
	defer func() { err = errors.Join(err, conn.Close(context.WithoutCancel(ctx))) }()
	if _, err := conn.Exec(ctx, "update public.users set role = $2 where id = $1 and role is distinct from $2", id, role); err != nil {
		return fmt.Errorf("give role %s: %w", role, err)
	}
	return nil
}

// refusedError is Auth's refusal.
type refusedError struct {
	status  int
	code    string
	message string
}

func (e *refusedError) Error() string {
	return fmt.Sprintf("auth answered %d %s: %s", e.status, e.code, e.message)
}

// auth calls the stack's own Auth over HTTP, with a token; out may be nil.
func (s *Stack) auth(ctx context.Context, method, path, token string, in, out any) (err error) {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, method, s.Issuer()+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("apikey", s.ServiceRoleKey())
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, res.Body.Close()) }()
	if res.StatusCode >= http.StatusMultipleChoices {
		no := &refusedError{status: res.StatusCode, code: res.Header.Get("X-Sb-Error-Code")}
		var said struct {
			Msg string `json:"msg"`
		}
		if err := json.NewDecoder(res.Body).Decode(&said); err == nil {
			no.message = said.Msg
		}
		return no
	}
	if out == nil {
		return nil
	}
	return json.NewDecoder(res.Body).Decode(out)
}
