package auth

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

type refreshGrant struct {
	RefreshToken string `json:"refresh_token"`
}

// tokenRefresh exchanges a refresh token, which is then used up, for a new session answer.
//
// A used token that comes again is a thief's or a victim's, nobody knows which: it revokes its whole family. Two honest cases are let
// through. The direct parent of the active token gets that token once more: its client lost the answer, or asked twice at once. Another
// used token of a living family gets a new child within the reuse interval. Source: supabase/auth internal/tokens/service.go,
// RefreshTokenGrant. Stricter than GoTrue: a revoked family stays dead, even within the interval.
func (s *Server) tokenRefresh(w http.ResponseWriter, r *http.Request) error {
	var p refreshGrant
	if err := readJSON(r, &p); err != nil {
		return err
	}
	if p.RefreshToken == "" {
		return badRequest(codeValidation, "refresh_token required")
	}
	var session *Session
	var refusal *Error // a refusal whose transaction is committed: the revocation must last
	err := pgx.BeginFunc(r.Context(), s.cfg.Pool, func(tx pgx.Tx) (err error) {
		session, refusal, err = s.refresh(r.Context(), tx, p.RefreshToken, clientOf(r))
		return err
	})
	if err != nil {
		return storing("Database error refreshing token", err)
	}
	if refusal != nil {
		return refusal
	}
	return writeSession(w, session)
}

func (s *Server) refresh(ctx context.Context, tx pgx.Tx, sent string, c client) (*Session, *Error, error) {
	now := s.now()
	sessionID, userID, err := s.openSession(ctx, tx, sent, now)
	if err != nil {
		return nil, nil, err
	}
	// Only now, with the session locked, is the token's state the one that counts.
	token, err := findToken(ctx, tx, sent)
	if errors.Is(err, errNoToken) {
		return nil, nil, errTokenNotFound()
	}
	if err != nil {
		return nil, nil, err
	}
	next, err := s.nextToken(ctx, tx, token, userID, sessionID, now)
	if err != nil {
		return nil, nil, err
	}
	if next == "" {
		s.cfg.Log.Warn("refresh token used again, its family is revoked", "user_id", userID, "session_id", sessionID, "token_id", token.id)
		return nil, badRequest(codeRefreshUsed, "Invalid Refresh Token: Already Used"), revokeFamily(ctx, tx, sessionID, now)
	}
	if err := touchSession(ctx, tx, sessionID, c, now); err != nil {
		return nil, nil, err
	}
	session, err := s.issue(ctx, tx, userID, sessionID, next, methodRefresh, now)
	return session, nil, err
}

// openSession finds the session that a refresh token belongs to, locks it, and refuses when it or its user may not go on.
func (s *Server) openSession(ctx context.Context, tx pgx.Tx, sent string, now time.Time) (id, userID uuid.UUID, err error) {
	token, err := findToken(ctx, tx, sent)
	if errors.Is(err, errNoToken) {
		return id, userID, errTokenNotFound()
	}
	if err != nil {
		return id, userID, err
	}
	if token.sessionID == nil {
		return id, userID, badRequest(codeSessionNotFound, "Invalid Refresh Token: No Valid Session Found")
	}
	found, err := lockSession(ctx, tx, *token.sessionID)
	if err != nil {
		return id, userID, err
	}
	if found == nil { // logged out while we waited
		return id, userID, errTokenNotFound()
	}
	if found.notAfter != nil && now.After(*found.notAfter) {
		return id, userID, badRequest(codeSessionExpired, "Invalid Refresh Token: Session Expired")
	}
	u, err := userByID(ctx, tx, found.userID)
	if err != nil {
		return id, userID, err
	}
	if u.banned(now) {
		return id, userID, badRequest(codeUserBanned, "Invalid Refresh Token: User Banned")
	}
	return *token.sessionID, found.userID, nil
}

// nextToken decides which token follows; "" means that this one may not be used again.
func (s *Server) nextToken(ctx context.Context, tx pgx.Tx, token *refreshToken, userID, sessionID uuid.UUID, now time.Time) (string, error) {
	if !token.revoked {
		if err := revokeToken(ctx, tx, token.id, now); err != nil {
			return "", err
		}
		return insertRefreshToken(ctx, tx, userID, sessionID, token.token, now)
	}
	active, err := activeToken(ctx, tx, sessionID)
	if errors.Is(err, errNoToken) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	if active.parent == token.token {
		return active.token, nil
	}
	if now.After(token.updatedAt.Add(s.cfg.RefreshReuseInterval)) {
		return "", nil
	}
	return insertRefreshToken(ctx, tx, userID, sessionID, token.token, now)
}

func errTokenNotFound() *Error {
	return badRequest(codeRefreshNotFound, "Invalid Refresh Token: Refresh Token Not Found")
}
