package auth

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// Ways to get a token, as the hook hears of them.
const (
	methodPassword = "password"
	methodOTP      = "otp" // a mail's link or code
	methodRefresh  = "token_refresh"
)

// Session is the answer to a login, a signup and a refresh.
type Session struct {
	AccessToken  string        `json:"access_token"`
	TokenType    string        `json:"token_type"`
	ExpiresIn    int64         `json:"expires_in"` // seconds
	ExpiresAt    int64         `json:"expires_at"` // unix seconds
	RefreshToken string        `json:"refresh_token"`
	User         *User         `json:"user"`
	Weak         *weakPassword `json:"weak_password,omitempty"`
}

// weakPassword tells a user who got in that the password would not be accepted today.
type weakPassword struct {
	Message string   `json:"message"`
	Reasons []string `json:"reasons"`
}

// logIn opens a session for a user who has shown, by that method, who they are.
func (s *Server) logIn(ctx context.Context, tx pgx.Tx, userID uuid.UUID, c client, method string) (*Session, error) {
	now := s.now()
	if err := setSignIn(ctx, tx, userID, now); err != nil {
		return nil, err
	}
	sessionID, err := insertSession(ctx, tx, userID, c, method, now)
	if err != nil {
		return nil, err
	}
	refresh, err := insertRefreshToken(ctx, tx, userID, sessionID, "", now)
	if err != nil {
		return nil, err
	}
	return s.issue(ctx, tx, userID, sessionID, refresh, method, now)
}

// issue signs an access token for a session and answers with it and the refresh token. The user is read anew: triggers may have changed it.
func (s *Server) issue(ctx context.Context, tx pgx.Tx, userID, sessionID uuid.UUID, refresh, method string, now time.Time) (*Session, error) {
	u, err := userByID(ctx, tx, userID)
	if err != nil {
		return nil, err
	}
	aal, methods, err := assurance(ctx, tx, sessionID)
	if err != nil {
		return nil, err
	}
	ttl := int64(s.cfg.AccessTokenTTL / time.Second)
	claims := jwt.MapClaims{
		"iss": s.cfg.Issuer, "sub": u.ID.String(), "aud": u.Aud, "exp": now.Unix() + ttl, "iat": now.Unix(),
		"email": u.Email, "phone": u.Phone, "app_metadata": u.AppMetadata, "user_metadata": u.UserMetadata, "role": u.Role,
		"aal": aal, "amr": methods, "session_id": sessionID.String(), "is_anonymous": u.IsAnonymous,
	}
	if s.cfg.AccessTokenHook != nil {
		if claims, err = s.cfg.AccessTokenHook(ctx, u.ID, method, claims); err != nil {
			return nil, fmt.Errorf("auth: access token hook: %w", err)
		}
	}
	if s.cfg.AccessTokenHookFunction != "" {
		if claims, err = s.callHook(ctx, tx, u.ID, method, claims); err != nil {
			return nil, err
		}
	}
	access, err := s.cfg.Keys.Sign(claims)
	if err != nil {
		return nil, err
	}
	return &Session{
		AccessToken: access, TokenType: "bearer", ExpiresIn: ttl, ExpiresAt: now.Unix() + ttl, RefreshToken: refresh, User: u,
	}, nil
}

// clientOf reads who is calling, behind the gateway or without one. What is no address, or no text, is not kept.
func clientOf(r *http.Request) client {
	var c client
	if agent := strings.ToValidUTF8(r.UserAgent(), ""); agent != "" {
		c.userAgent = &agent
	}
	first, _, _ := strings.Cut(r.Header.Get("X-Forwarded-For"), ",")
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	for _, candidate := range []string{strings.TrimSpace(first), host} {
		if addr, err := netip.ParseAddr(candidate); err == nil {
			ip := addr.Unmap().WithZone("").String()
			c.ip = &ip
			break
		}
	}
	return c
}
