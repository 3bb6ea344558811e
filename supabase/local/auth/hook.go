package auth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// requiredClaims are what a hook must leave in. Source: supabase/auth internal/hooks/v0hooks, MinimumViableTokenSchema.
var requiredClaims = []string{"aud", "exp", "iat", "sub", "email", "phone", "role", "aal", "session_id", "is_anonymous"}

// hookOutput is what the function returns: claims, or an error for the user.
type hookOutput struct {
	Claims jwt.MapClaims `json:"claims"`
	Error  *struct {
		HTTPCode int    `json:"http_code"`
		Message  string `json:"message"`
	} `json:"error"`
}

// callHook runs the custom access token hook as supabase_auth_admin, in the transaction of the session, for two seconds at most.
// Source: supabase/auth internal/hooks/hookspgfunc.
func (s *Server) callHook(ctx context.Context, tx pgx.Tx, userID uuid.UUID, method string, claims jwt.MapClaims) (jwt.MapClaims, error) {
	input, err := json.Marshal(map[string]any{"user_id": userID, "claims": claims, "authentication_method": method})
	if err != nil {
		return nil, fmt.Errorf("auth: access token hook: %w", err)
	}
	schema, name, _ := strings.Cut(s.cfg.AccessTokenHookFunction, ".")
	var text []byte
	err = pgx.BeginFunc(ctx, tx, func(inner pgx.Tx) error {
		if _, err := inner.Exec(ctx, `set local statement_timeout to '2s'`); err != nil {
			return err
		}
		if err := inner.QueryRow(ctx, `select `+pgx.Identifier{schema, name}.Sanitize()+`($1::jsonb)`, string(input)).Scan(&text); err != nil {
			return err
		}
		_, err := inner.Exec(ctx, `set local statement_timeout to default`)
		return err
	})
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code == "57014" { // query_canceled
		return nil, unprocessable(codeHookTimeout, "Failed to reach hook within maximum time of 2.000000 seconds")
	}
	if err != nil {
		return nil, &Error{HTTP: http.StatusInternalServerError, Code: codeUnexpected, Message: "Error running hook URI: pg-functions://postgres/" +
			schema + "/" + name, cause: err}
	}
	return hookClaims(text)
}

func hookClaims(text []byte) (jwt.MapClaims, error) {
	broken := func(message string, cause error) error {
		return &Error{HTTP: http.StatusInternalServerError, Code: codeUnexpected, Message: message, cause: cause}
	}
	var out hookOutput
	decoder := json.NewDecoder(strings.NewReader(string(text)))
	decoder.UseNumber() // times stay whole
	if err := decoder.Decode(&out); err != nil {
		return nil, broken("Error unmarshaling JSON output.", err)
	}
	if out.Error != nil {
		if out.Error.HTTPCode == 0 {
			out.Error.HTTPCode = http.StatusInternalServerError
		}
		return nil, &Error{HTTP: out.Error.HTTPCode, Code: codeUnknown, Message: out.Error.Message}
	}
	if out.Claims == nil {
		return nil, broken("output claims field is missing", nil)
	}
	var missing []string
	for _, name := range requiredClaims {
		if _, ok := out.Claims[name]; !ok {
			missing = append(missing, name+" is required")
		}
	}
	if missing != nil {
		return nil, broken("output claims do not conform to the expected schema: \n- "+strings.Join(missing, "\n- "), nil)
	}
	return out.Claims, nil
}
