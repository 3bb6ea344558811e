package local_test

import (
	"testing"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/supabase/local"
)

// The token carries the role as a hint, and nothing else of it changes.
func TestTokensCarryTheRoleAsAHint(t *testing.T) {
	t.Parallel()
	s := start(t, local.Config{Ephemeral: true})
	id, err := s.EnsureUser(t.Context(), "dev@example.com", "password one", "developer")
	require.NoError(t, err)
	var claims jwt.MapClaims
	_, _, err = jwt.NewParser().ParseUnverified(login(t, s, "dev@example.com", "password one").session(t).AccessToken, &claims)
	require.NoError(t, err)
	require.Equal(t, "developer", claims["stark_role"])
	require.Equal(t, "authenticated", claims["role"])
	require.Equal(t, id.String(), claims["sub"])
	require.IsType(t, float64(0), claims["exp"])
}
