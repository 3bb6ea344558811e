package auth_test

import (
	"testing"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/supabase/local/auth"
)

// newHookWorld has a custom access token hook with that body, granted as Supabase's documentation says.
func newHookWorld(t *testing.T, body string) *world {
	t.Helper()
	w := newWorld(t, func(c *auth.Config) { c.AccessTokenHookFunction = "public.custom_access_token_hook" })
	_, err := w.db.Exec(t.Context(), `create function public.custom_access_token_hook(event jsonb) returns jsonb language plpgsql as $$ begin `+body+` end $$;
		grant execute on function public.custom_access_token_hook to supabase_auth_admin;
		revoke execute on function public.custom_access_token_hook from authenticated, anon, public`)
	require.NoError(t, err)
	return w
}

func TestAccessTokenHookFunction(t *testing.T) {
	t.Parallel()
	w := newHookWorld(t, `return jsonb_set(event, '{claims,seen}', jsonb_build_object('by', current_user, 'method', event -> 'authentication_method', 'user', event -> 'user_id'));`)
	seen := func(s object) object {
		claims := jwt.MapClaims{}
		_, _, err := jwt.NewParser().ParseUnverified(access(s), claims)
		require.NoError(t, err)
		w.call("GET", "/user", access(s), nil).ok()
		return claims["seen"].(object)
	}
	s := w.signup("ada@example.com")
	id := userID(s).String()
	require.Equal(t, object{"by": "supabase_auth_admin", "method": "password", "user": id}, seen(s))
	require.Equal(t, object{"by": "supabase_auth_admin", "method": "token_refresh", "user": id}, seen(w.refresh(s["refresh_token"]).ok()))
}

func TestAccessTokenHookRefuses(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]struct {
		status        int
		code, message string
	}{
		`return '{"error":{"http_code":403,"message":"not today"}}';`: {403, "unknown", "not today"},
		`return '{"error":{"message":"not today"}}';`:                 {500, "unknown", "not today"},
		`return '{}';`: {500, "unexpected_failure", "output claims field is missing"},
		`return jsonb_build_object('claims', (event -> 'claims') - 'role');`: {500, "unexpected_failure", "output claims do not conform to the expected schema: \n- role is required"},
		`raise exception 'secret';`:           {500, "unexpected_failure", "Error running hook URI: pg-functions://postgres/public/custom_access_token_hook"},
		`perform pg_sleep(60); return event;`: {422, "hook_timeout", "Failed to reach hook within maximum time of 2.000000 seconds"},
	} {
		w := newHookWorld(t, body)
		a := w.call("POST", "/signup", "", credentials("ada@example.com"))
		a.refused(want.status, want.code)
		require.Equal(t, want.message, a.body["msg"])
		require.Zero(t, w.count(`select count(*) from auth.users`), "no session, no account")
	}
}
