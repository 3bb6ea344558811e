package local

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/stark-o/stark/supabase/local/auth"
)

// tokenHook asks the database for the claims of a token, as Supabase Auth does by [auth.hook.custom_access_token] of config.toml. pool must
// not be Auth's own: a login holds a connection of that one already. A user who signs up is not committed yet and gets the hint with the
// next token.
func tokenHook(pool *pgxpool.Pool) auth.ClaimsHook {
	return func(ctx context.Context, user uuid.UUID, method string, claims jwt.MapClaims) (jwt.MapClaims, error) {
		event, err := json.Marshal(map[string]any{"user_id": user, "authentication_method": method, "claims": claims})
		if err != nil {
			return nil, fmt.Errorf("encode claims: %w", err)
		}
		var answer []byte
		if err := pool.QueryRow(ctx, "select stark.custom_access_token_hook($1)", event).Scan(&answer); err != nil {
			return nil, fmt.Errorf("stark.custom_access_token_hook: %w", err)
		}
		var out struct {
			Claims jwt.MapClaims `json:"claims"`
		}
		if err := json.Unmarshal(answer, &out); err != nil {
			return nil, fmt.Errorf("decode claims: %w", err)
		}
		return out.Claims, nil
	}
}
