package auth

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// flow is what a client that uses PKCE (RFC 7636) sends along: only who knows the verifier can turn the code into a session.
type flow struct {
	Challenge string
	Method    string // s256 or plain
}

// challenge is the part of a request's body that asks for a flow.
type challenge struct {
	CodeChallenge       string `json:"code_challenge"`
	CodeChallengeMethod string `json:"code_challenge_method"`
}

// flowLife is how long a code is good for after its link was opened, and flows that nobody opens are kept for a day.
const (
	flowLife  = 5 * time.Minute
	flowsKept = 24 * time.Hour
)

var validChallenge = regexp.MustCompile(`^[a-zA-Z._~0-9-]+$`)

// flow is nil when the request asks for none. Source: supabase/auth internal/api/pkce.go.
func (c challenge) flow() (*flow, error) {
	switch {
	case c.CodeChallenge == "" && c.CodeChallengeMethod == "":
		return nil, nil
	case c.CodeChallenge == "" || c.CodeChallengeMethod == "":
		return nil, badRequest(codeValidation, "PKCE flow requires code_challenge_method and code_challenge")
	case len(c.CodeChallenge) < 43 || len(c.CodeChallenge) > 128:
		return nil, badRequest(codeValidation, "code challenge has to be between 43 and 128 characters")
	case !validChallenge.MatchString(c.CodeChallenge):
		return nil, badRequest(codeValidation, "code challenge can only contain alphanumeric characters, hyphens, periods, underscores and tildes")
	}
	method := strings.ToLower(c.CodeChallengeMethod)
	if method != "s256" && method != "plain" {
		return nil, badRequest(codeValidation, "unsupported code_challenge method %q", c.CodeChallengeMethod)
	}
	return &flow{c.CodeChallenge, method}, nil
}

// fits says whether a verifier is the one that the challenge was made of.
func (f flow) fits(verifier string) bool {
	if f.Method == "s256" {
		sum := sha256.Sum256([]byte(verifier))
		verifier = base64.RawURLEncoding.EncodeToString(sum[:])
	}
	return subtle.ConstantTimeCompare([]byte(f.Challenge), []byte(verifier)) == 1
}

// authMethod is how a session is authenticated that comes of a mail of that kind. Source: supabase/auth internal/models/factor.go.
func authMethod(kind string) string {
	if kind == kindSignup {
		return "email/signup"
	}
	return kind
}

// flowState is a row of auth.flow_state.
type flowState struct {
	flow
	id       uuid.UUID
	userID   *uuid.UUID
	method   string // authentication method
	issuedAt *time.Time
}

func insertFlow(ctx context.Context, tx pgx.Tx, userID uuid.UUID, f flow, method string, now time.Time) error {
	if _, err := tx.Exec(ctx, `delete from auth.flow_state where created_at < $1`, now.Add(-flowsKept)); err != nil {
		return fmt.Errorf("auth: delete old flows: %w", err)
	}
	_, err := tx.Exec(ctx, `
insert into auth.flow_state (id, user_id, auth_code, code_challenge_method, code_challenge, provider_type, authentication_method, created_at, updated_at)
values ($1, $2, $3, $4::auth.code_challenge_method, $5, $6, $6, $7, $7)`, uuid.New(), userID, uuid.NewString(), f.Method, f.Challenge, method, now)
	if err != nil {
		return fmt.Errorf("auth: insert flow: %w", err)
	}
	return nil
}

// issueCode gives out the code of the latest flow of that kind that a user began.
func issueCode(ctx context.Context, tx pgx.Tx, userID uuid.UUID, method string, now time.Time) (code string, err error) {
	err = tx.QueryRow(ctx, `
update auth.flow_state set auth_code_issued_at = $3, updated_at = $3
where id = (select id from auth.flow_state where user_id = $1 and authentication_method = $2 order by created_at desc limit 1)
returning auth_code`, userID, method, now).Scan(&code)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", badRequest(codeFlowNotFound, "No associated flow state found.")
	}
	if err != nil {
		return "", fmt.Errorf("auth: issue code: %w", err)
	}
	return code, nil
}

// lockFlow finds a flow by its code, which was given out; nil when there is none.
func lockFlow(ctx context.Context, tx pgx.Tx, code string) (*flowState, error) {
	f := &flowState{}
	err := tx.QueryRow(ctx, `
select id, user_id, code_challenge, code_challenge_method::text, authentication_method, auth_code_issued_at from auth.flow_state
where auth_code = $1 and auth_code_issued_at is not null for update`, code).Scan(&f.id, &f.userID, &f.Challenge, &f.Method, &f.method, &f.issuedAt)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("auth: find flow: %w", err)
	}
	return f, nil
}

func deleteFlow(ctx context.Context, tx pgx.Tx, id uuid.UUID) error {
	if _, err := tx.Exec(ctx, `delete from auth.flow_state where id = $1`, id); err != nil {
		return fmt.Errorf("auth: delete flow: %w", err)
	}
	return nil
}
