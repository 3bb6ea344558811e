package auth_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/supabase/local/auth"
)

func TestSignupRefuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.signup("taken@example.com")
	for name, c := range map[string]struct {
		body   any
		status int
		code   string
	}{
		"no body":              {nil, 400, "bad_json"},
		"no JSON":              {"{", 400, "bad_json"},
		"an array":             {"[]", 400, "bad_json"},
		"data no object":       {`{"email":"a@example.com","password":"long enough","data":[]}`, 400, "bad_json"},
		"nobody":               {object{}, 422, "anonymous_provider_disabled"},
		"only data":            {object{"data": object{"a": 1}}, 422, "anonymous_provider_disabled"},
		"no password":          {object{"email": "a@example.com"}, 400, "validation_failed"},
		"a short password":     {object{"email": "a@example.com", "password": "12345"}, 422, "weak_password"},
		"73 bytes of password": {object{"email": "a@example.com", "password": strings.Repeat("x", 73)}, 400, "validation_failed"},
		"no address":           {object{"email": "nonsense", "password": password}, 400, "validation_failed"},
		"half an address":      {object{"email": "a@", "password": password}, 400, "validation_failed"},
		"two addresses":        {object{"email": "a@example.com, b@example.com", "password": password}, 400, "validation_failed"},
		"a long address":       {object{"email": strings.Repeat("a", 250) + "@example.com", "password": password}, 400, "validation_failed"},
		"a phone":              {object{"phone": "123456789", "password": password}, 400, "phone_provider_disabled"},
		"address and phone":    {object{"email": "a@example.com", "phone": "123456789", "password": password}, 400, "validation_failed"},
		"a taken address":      {credentials("taken@example.com"), 422, "user_already_exists"},
		"in other letters":     {credentials("TAKEN@Example.COM"), 422, "user_already_exists"},
		"NUL in the data":      {`{"email":"a@example.com","password":"long enough","data":{"a":"\u0000"}}`, 400, "validation_failed"},
		"a huge body":          {`{"email":"` + strings.Repeat("a", 1<<20) + `"}`, 413, "validation_failed"},
	} {
		t.Run(name, func(t *testing.T) { w.call("POST", "/signup", "", c.body).refused(c.status, c.code) })
	}
	require.Equal(t, 1, w.count(`select count(*) from auth.users`))
	require.Equal(t, 1, w.count(`select count(*) from auth.identities`))
}

func TestSignupDisabled(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *auth.Config) { c.DisableSignup = true })
	w.call("POST", "/signup", "", credentials("a@example.com")).refused(422, "signup_disabled")
	require.Equal(t, true, w.call("GET", "/settings", "", nil).ok()["disable_signup"])
	w.call("POST", "/admin/users", w.keys.ServiceRoleKey(), credentials("a@example.com")).ok()
}

func TestSignup(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	got := w.call("POST", "/signup", "", object{"email": "Ada@Example.com", "password": password, "data": object{"full_name": "Ada", "sub": "me", "big": 12345678901234567}})
	require.Equal(t, "no-store", got.header.Get("Cache-Control"))
	require.Contains(t, got.text, "12345678901234567", "numbers keep their digits")
	s := got.ok()
	require.Equal(t, "bearer", s["token_type"])
	require.EqualValues(t, 3600, s["expires_in"])
	require.NotEmpty(t, s["refresh_token"])
	u := s["user"].(object)
	id := u["id"].(string)
	require.Equal(t, "ada@example.com", u["email"])
	require.Equal(t, "authenticated", u["aud"])
	require.Equal(t, "authenticated", u["role"])
	require.Equal(t, "", u["phone"])
	require.Equal(t, false, u["is_anonymous"])
	require.NotEmpty(t, u["email_confirmed_at"])
	require.NotEmpty(t, u["last_sign_in_at"])
	require.Equal(t, object{"provider": "email", "providers": []any{"email"}}, u["app_metadata"])
	meta := u["user_metadata"].(object)
	require.Equal(t, "Ada", meta["full_name"])
	require.Equal(t, id, meta["sub"], "nobody signs up with another's id")
	require.Equal(t, true, meta["email_verified"])
	require.NotContains(t, got.text, "encrypted_password")
	require.NotContains(t, got.text, "$2a$")

	identities := u["identities"].([]any)
	require.Len(t, identities, 1)
	identity := identities[0].(object)
	require.Equal(t, id, identity["id"])
	require.Equal(t, id, identity["user_id"])
	require.Equal(t, "email", identity["provider"])
	require.Equal(t, "ada@example.com", identity["email"])
	require.NotEqual(t, id, identity["identity_id"])
	require.Equal(t, "Ada", identity["identity_data"].(object)["full_name"])
	_, err := uuid.Parse(identity["identity_id"].(string))
	require.NoError(t, err)

	require.Equal(t, 1, w.count(`select count(*) from auth.users where instance_id = '00000000-0000-0000-0000-000000000000' and confirmation_token = ''
		and encrypted_password like '$2a$04$%' and id = $1`, id))
	require.Equal(t, 1, w.count(`select count(*) from auth.sessions where user_id = $1 and aal = 'aal1' and ip = '192.0.2.1'`, id))
	require.Equal(t, 1, w.count(`select count(*) from auth.refresh_tokens where user_id = $1 and not revoked and parent is null and token = $2`, id, s["refresh_token"]))
}

func TestSignupClaims(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.signup("ada@example.com")
	claims, err := w.keys.Parse(access(s))
	require.NoError(t, err)
	u := s["user"].(object)
	session := claims["session_id"].(string)
	require.Equal(t, 1, w.count(`select count(*) from auth.sessions where id = $1`, session))
	iat := claims["iat"].(float64)
	require.EqualValues(t, s["expires_at"], claims["exp"])
	require.EqualValues(t, iat+3600, claims["exp"])
	for _, known := range []string{"iat", "exp", "session_id"} {
		delete(claims, known)
	}
	require.Equal(t, object{
		"iss": issuer, "sub": u["id"], "aud": "authenticated", "email": "ada@example.com", "phone": "", "role": "authenticated",
		"app_metadata": u["app_metadata"], "user_metadata": u["user_metadata"], "aal": "aal1", "is_anonymous": false,
		"amr": []any{object{"method": "password", "timestamp": iat}},
	}, object(claims))
}

func TestConcurrentSignupsMakeOneUser(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	answers := make([]answer, 8)
	var wg sync.WaitGroup
	for i := range answers {
		wg.Go(func() { answers[i] = w.call("POST", "/signup", "", credentials("ada@example.com")) })
	}
	wg.Wait()
	won := 0
	for _, a := range answers {
		if a.status == http.StatusOK {
			won++
			continue
		}
		a.refused(422, "user_already_exists")
	}
	require.Equal(t, 1, won)
	require.Equal(t, 1, w.count(`select count(*) from auth.users`))
	require.Equal(t, 1, w.count(`select count(*) from auth.sessions`))
}

func TestFailingTriggerLeavesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.trigger(t, `create table public.profiles (id uuid primary key, name text not null);
create function public.handle_new_user() returns trigger language plpgsql security definer set search_path = '' as $$
begin
  insert into public.profiles values (new.id, new.raw_user_meta_data ->> 'full_name');
  return new;
end $$;
create trigger on_auth_user_created after insert on auth.users for each row execute function public.handle_new_user();`)

	refused := w.call("POST", "/signup", "", credentials("ada@example.com"))
	refused.refused(500, "unexpected_failure")
	require.Equal(t, "Database error saving new user", refused.body["msg"])
	require.NotEmpty(t, refused.body["error_id"])
	require.NotContains(t, refused.text, "profiles", "the cause stays inside")
	w.call("POST", "/admin/users", w.keys.ServiceRoleKey(), credentials("ada@example.com")).refused(500, "unexpected_failure")
	require.Zero(t, w.count(`select (select count(*) from auth.users) + (select count(*) from auth.identities) + (select count(*) from auth.sessions)`))

	w.call("POST", "/signup", "", object{"email": "ada@example.com", "password": password, "data": object{"full_name": "Ada"}}).ok()
	require.Equal(t, 1, w.count(`select count(*) from public.profiles where name = 'Ada'`))
}

func TestTriggerSeesTheConfirmation(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.trigger(t, `create table public.confirmed (id uuid primary key);
create function public.on_confirm() returns trigger language plpgsql security definer set search_path = '' as $$
begin insert into public.confirmed values (new.id); return new; end $$;
create trigger on_auth_user_confirmed after update on auth.users for each row
  when (old.email_confirmed_at is null and new.email_confirmed_at is not null) execute function public.on_confirm();`)
	s := w.signup("ada@example.com")
	require.Equal(t, 1, w.count(`select count(*) from public.confirmed where id = $1`, userID(s)))
}

func (w *world) trigger(t *testing.T, sql string) {
	t.Helper()
	_, err := w.db.Exec(t.Context(), sql)
	require.NoError(t, err)
}

// GoTrue with autoconfirm would let anyone in who signs up with the address of an unconfirmed account.
func TestSignupDoesNotTakeOverAnUnconfirmedAccount(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.call("POST", "/admin/users", w.keys.ServiceRoleKey(), credentials("ada@example.com")).ok()
	w.call("POST", "/signup", "", object{"email": "ada@example.com", "password": "another one"}).refused(422, "user_already_exists")
	require.Equal(t, 1, w.count(`select count(*) from auth.users where email_confirmed_at is null`))
}
