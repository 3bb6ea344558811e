package auth

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// client is what a session remembers of whoever uses it.
type client struct {
	userAgent *string
	ip        *string
}

// refreshToken is a row of auth.refresh_tokens.
type refreshToken struct {
	id        int64
	token     string
	parent    string
	sessionID *uuid.UUID // nil only in rows from before sessions existed
	revoked   bool
	updatedAt time.Time
}

// errNoToken says that no such refresh token exists.
var errNoToken = errors.New("auth: no such refresh token")

func insertSession(ctx context.Context, tx pgx.Tx, userID uuid.UUID, c client, method string, now time.Time) (uuid.UUID, error) {
	id := uuid.New()
	_, err := tx.Exec(ctx, `
insert into auth.sessions (id, user_id, created_at, updated_at, aal, user_agent, ip) values ($1, $2, $3, $3, 'aal1', $4, $5::text::inet)`,
		id, userID, now, c.userAgent, c.ip)
	if err != nil {
		return uuid.Nil, fmt.Errorf("auth: insert session: %w", err)
	}
	_, err = tx.Exec(ctx, `
insert into auth.mfa_amr_claims (id, session_id, created_at, updated_at, authentication_method) values ($1, $2, $3, $3, $4)`,
		uuid.New(), id, now, method)
	if err != nil {
		return uuid.Nil, fmt.Errorf("auth: insert amr claim: %w", err)
	}
	return id, nil
}

func touchSession(ctx context.Context, tx pgx.Tx, id uuid.UUID, c client, now time.Time) error {
	_, err := tx.Exec(ctx, `
update auth.sessions set refreshed_at = $2::timestamptz at time zone 'utc', updated_at = $2, user_agent = $3, ip = $4::text::inet where id = $1`,
		id, now, c.userAgent, c.ip)
	if err != nil {
		return fmt.Errorf("auth: update session: %w", err)
	}
	return nil
}

func hasSession(ctx context.Context, q querier, id, userID uuid.UUID) (alive bool, err error) {
	err = q.QueryRow(ctx, `select exists (select from auth.sessions where id = $1 and user_id = $2)`, id, userID).Scan(&alive)
	if err != nil {
		return false, fmt.Errorf("auth: find session: %w", err)
	}
	return alive, nil
}

// sessionBegan is when a session was opened; the epoch when it is over.
func sessionBegan(ctx context.Context, q querier, id uuid.UUID) (began time.Time, err error) {
	err = q.QueryRow(ctx, `select coalesce((select created_at from auth.sessions where id = $1), 'epoch')`, id).Scan(&began)
	if err != nil {
		return began, fmt.Errorf("auth: find session: %w", err)
	}
	return began, nil
}

// session is what a refresh must know of one.
type session struct {
	userID   uuid.UUID
	notAfter *time.Time
}

// lockSession makes refreshes of one session take turns. It returns nil when the session is over.
func lockSession(ctx context.Context, tx pgx.Tx, id uuid.UUID) (*session, error) {
	found := &session{}
	err := tx.QueryRow(ctx, `select user_id, not_after from auth.sessions where id = $1 for update`, id).Scan(&found.userID, &found.notAfter)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("auth: lock session: %w", err)
	}
	return found, nil
}

// amr is one way in which a session was authenticated, as the claim of that name has it.
type amr struct {
	Method    string `json:"method"`
	Timestamp int64  `json:"timestamp"`
}

// assurance reads a session's assurance level and its authentication methods, latest first.
func assurance(ctx context.Context, q querier, id uuid.UUID) (aal string, methods []amr, err error) {
	if err := q.QueryRow(ctx, `select coalesce(aal::text, 'aal1') from auth.sessions where id = $1`, id).Scan(&aal); err != nil {
		return "", nil, fmt.Errorf("auth: find session: %w", err)
	}
	rows, err := q.Query(ctx, `select authentication_method, updated_at from auth.mfa_amr_claims where session_id = $1 order by updated_at desc`, id)
	if err != nil {
		return "", nil, fmt.Errorf("auth: find amr claims: %w", err)
	}
	methods, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (amr, error) {
		var a amr
		var at time.Time
		err := row.Scan(&a.Method, &at)
		a.Timestamp = at.Unix()
		return a, err
	})
	if err != nil {
		return "", nil, fmt.Errorf("auth: find amr claims: %w", err)
	}
	return aal, methods, nil
}

// deleteSessions ends all sessions of a user; their refresh tokens go with them.
func deleteSessions(ctx context.Context, tx pgx.Tx, userID uuid.UUID) error {
	if _, err := tx.Exec(ctx, `delete from auth.sessions where user_id = $1`, userID); err != nil {
		return fmt.Errorf("auth: delete sessions: %w", err)
	}
	// Tokens from before sessions existed hang on the user alone.
	if _, err := tx.Exec(ctx, `delete from auth.refresh_tokens where user_id = $1`, userID.String()); err != nil {
		return fmt.Errorf("auth: delete refresh tokens: %w", err)
	}
	return nil
}

func deleteSession(ctx context.Context, tx pgx.Tx, id uuid.UUID) error {
	if _, err := tx.Exec(ctx, `delete from auth.sessions where id = $1`, id); err != nil {
		return fmt.Errorf("auth: delete session: %w", err)
	}
	return nil
}

func deleteOtherSessions(ctx context.Context, tx pgx.Tx, userID, keep uuid.UUID) error {
	if _, err := tx.Exec(ctx, `delete from auth.sessions where user_id = $1 and id <> $2`, userID, keep); err != nil {
		return fmt.Errorf("auth: delete other sessions: %w", err)
	}
	return nil
}

// insertRefreshToken makes a session's next token; parent is the one that it replaces, "" for the first.
func insertRefreshToken(ctx context.Context, tx pgx.Tx, userID, sessionID uuid.UUID, parent string, now time.Time) (string, error) {
	secret := make([]byte, 16)
	_, _ = rand.Read(secret) // never fails: crypto/rand ends the process instead
	token := base64.RawURLEncoding.EncodeToString(secret)
	_, err := tx.Exec(ctx, `
insert into auth.refresh_tokens (instance_id, token, user_id, revoked, created_at, updated_at, parent, session_id)
values ('00000000-0000-0000-0000-000000000000', $1, $2, false, $3, $3, nullif($4, ''), $5)`, token, userID.String(), now, parent, sessionID)
	if err != nil {
		return "", fmt.Errorf("auth: insert refresh token: %w", err)
	}
	return token, nil
}

const selectToken = `
select id, token, coalesce(parent, ''), session_id, coalesce(revoked, false), coalesce(updated_at, 'epoch') from auth.refresh_tokens `

func oneToken(row pgx.Row) (*refreshToken, error) {
	t := &refreshToken{}
	err := row.Scan(&t.id, &t.token, &t.parent, &t.sessionID, &t.revoked, &t.updatedAt)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, errNoToken
	}
	if err != nil {
		return nil, fmt.Errorf("auth: find refresh token: %w", err)
	}
	return t, nil
}

func findToken(ctx context.Context, q querier, token string) (*refreshToken, error) {
	return oneToken(q.QueryRow(ctx, selectToken+`where token = $1`, token))
}

// activeToken is the one token of a session that is not used up; errNoToken after the family was revoked.
func activeToken(ctx context.Context, q querier, sessionID uuid.UUID) (*refreshToken, error) {
	return oneToken(q.QueryRow(ctx, selectToken+`where session_id = $1 and not revoked order by id desc limit 1`, sessionID))
}

func revokeToken(ctx context.Context, tx pgx.Tx, id int64, now time.Time) error {
	if _, err := tx.Exec(ctx, `update auth.refresh_tokens set revoked = true, updated_at = $2 where id = $1`, id, now); err != nil {
		return fmt.Errorf("auth: revoke refresh token: %w", err)
	}
	return nil
}

func revokeFamily(ctx context.Context, tx pgx.Tx, sessionID uuid.UUID, now time.Time) error {
	_, err := tx.Exec(ctx, `update auth.refresh_tokens set revoked = true, updated_at = $2 where session_id = $1 and not revoked`, sessionID, now)
	if err != nil {
		return fmt.Errorf("auth: revoke token family: %w", err)
	}
	return nil
}

// setSignIn records that a user logged in.
func setSignIn(ctx context.Context, tx pgx.Tx, userID uuid.UUID, now time.Time) error {
	if _, err := tx.Exec(ctx, `update auth.users set last_sign_in_at = $2, updated_at = $2 where id = $1`, userID, now); err != nil {
		return fmt.Errorf("auth: set last sign-in: %w", err)
	}
	return nil
}
