package auth_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/supabase/local/auth"
)

func TestSignupToConfirm(t *testing.T) {
	t.Parallel()
	w, box := newMailWorld(t, confirmEmail)
	require.Equal(t, false, w.call("GET", "/settings", "", nil).ok()["mailer_autoconfirm"])
	u := w.call("POST", "/signup", "", credentials("ada@example.com")).ok()
	require.NotContains(t, u, "access_token")
	require.NotContains(t, u, "email_confirmed_at")
	require.NotEmpty(t, u["confirmation_sent_at"])
	require.Len(t, u["identities"], 1)
	mail := box.one(t, "ada@example.com", "signup")
	w.call("POST", "/token?grant_type=password", "", credentials("ada@example.com")).refused(400, "email_not_confirmed")

	// Again while it waits: the mail once more, the password stays.
	w.call("POST", "/signup", "", credentials("ada@example.com")).refused(429, "over_email_send_rate_limit")
	w.advance(2 * time.Second)
	again := w.call("POST", "/signup", "", object{"email": "ada@example.com", "password": "somebody else"}).ok()
	require.Equal(t, u["id"], again["id"])
	w.refusedLink(mail.Link)
	box.one(t, "ada@example.com", "signup")
	w.advance(2 * time.Second)
	require.JSONEq(t, `{}`, w.call("POST", "/resend", "", object{"type": "signup", "email": "ada@example.com"}).text)
	_, _, fragment := w.follow(box.one(t, "ada@example.com", "signup").Link)
	require.Equal(t, "signup", fragment.Get("type"))
	require.NotEmpty(t, w.call("GET", "/user", fragment.Get("access_token"), nil).ok()["email_confirmed_at"])
	w.login("ada@example.com")

	// Afterwards a signup looks the same from outside, and does nothing.
	w.advance(2 * time.Second)
	fake := w.call("POST", "/signup", "", credentials("ada@example.com")).ok()
	require.NotEqual(t, u["id"], fake["id"])
	require.Empty(t, fake["identities"])
	w.call("POST", "/resend", "", object{"type": "signup", "email": "ada@example.com"}).ok()
	require.Empty(t, box.take())
	require.Equal(t, 1, w.count(`select count(*) from auth.users`))

	// Whoever asks for a magic link first has to confirm by it, too.
	w.call("POST", "/otp", "", object{"email": "bob@example.com"}).ok()
	otp := box.one(t, "bob@example.com", "signup").OTP
	s := w.call("POST", "/verify", "", object{"type": "email", "email": "bob@example.com", "token": otp}).ok()
	require.NotEmpty(t, s["user"].(object)["email_confirmed_at"])
}

func TestChangeOfEmailTakesBothAddresses(t *testing.T) {
	t.Parallel()
	for _, order := range [][2]int{{0, 1}, {1, 0}} {
		w, box := newMailWorld(t, confirmEmail)
		s := w.confirmed(box, "ada@example.com")
		u := w.call("PUT", "/user", access(s), object{"email": "countess@example.com"}).ok()
		require.Equal(t, "ada@example.com", u["email"])
		require.Equal(t, "countess@example.com", u["new_email"])
		mails := box.take()
		require.Len(t, mails, 2)
		require.Equal(t, "ada@example.com", mails[0].To)
		require.Equal(t, "countess@example.com", mails[1].To)
		_, _, fragment := w.follow(mails[order[0]].Link)
		require.Equal(t, "Confirmation link accepted. Please proceed to confirm link sent to the other email", fragment.Get("message"))
		w.refusedLink(mails[order[0]].Link) // one address does not prove itself twice
		w.login("ada@example.com")
		second := w.call("POST", "/verify", "", object{"type": "email_change", "email": mails[order[1]].To, "token": mails[order[1]].OTP}).ok()
		require.Equal(t, "countess@example.com", second["user"].(object)["email"])
		w.call("POST", "/token?grant_type=password", "", credentials("ada@example.com")).refused(400, "invalid_credentials")
		w.login("countess@example.com")
		require.Equal(t, 1, w.count(`select count(*) from auth.identities where email = 'countess@example.com' and identity_data -> 'email_verified' = 'true'`))
	}
}

// confirmed signs up and follows the mail.
func (w *world) confirmed(box *mailbox, email string) object {
	w.t.Helper()
	w.call("POST", "/signup", "", credentials(email)).ok()
	return w.call("POST", "/verify", "", object{"type": "signup", "token_hash": box.one(w.t, email, "signup").TokenHash}).ok()
}

func TestChangeOfEmailWithOneAddress(t *testing.T) {
	t.Parallel()
	for name, option := range map[string]func(*auth.Config){
		"autoconfirm": func(*auth.Config) {},
		"single":      func(c *auth.Config) { c.SingleConfirmChange = true },
	} {
		w, box := newMailWorld(t, option)
		s := w.signup("ada@example.com")
		u := w.call("PUT", "/user", access(s), object{"email": "countess@example.com"}).ok()
		require.Equal(t, "ada@example.com", u["email"], name)
		first := box.one(t, "countess@example.com", "email_change")
		w.advance(2 * time.Second)
		w.call("POST", "/resend", "", object{"type": "email_change", "email": "ada@example.com"}).ok()
		w.refusedLink(first.Link)
		again := box.one(t, "countess@example.com", "email_change")
		w.signup("bob@example.com")
		_, _, fragment := w.follow(again.Link)
		require.Equal(t, "email_change", fragment.Get("type"))
		u = w.call("GET", "/user", access(s), nil).ok()
		require.Equal(t, "countess@example.com", u["email"])
		require.NotContains(t, u, "new_email")
		// Somebody else got the address in the meantime.
		w.advance(2 * time.Second)
		w.call("PUT", "/user", access(s), object{"email": "late@example.com"}).ok()
		late := box.one(t, "late@example.com", "email_change")
		w.signup("late@example.com")
		w.call("POST", "/verify", "", object{"type": "email_change", "token_hash": late.TokenHash}).refused(422, "email_exists")
		require.JSONEq(t, `{}`, w.call("POST", "/resend", "", object{"type": "email_change", "email": "bob@example.com"}).text)
		require.Empty(t, box.take())
	}
}

func TestReauthentication(t *testing.T) {
	t.Parallel()
	w, box := newMailWorld(t, func(c *auth.Config) { c.ReauthenticateForPassword = true; c.AccessTokenTTL = 48 * time.Hour })
	s := w.signup("ada@example.com")
	w.call("PUT", "/user", access(s), object{"password": "fresh enough"}).ok()
	w.advance(25 * time.Hour)
	w.call("PUT", "/user", access(s), object{"password": "battery staple"}).refused(400, "reauthentication_needed")
	require.JSONEq(t, `{}`, w.call("GET", "/reauthenticate", access(s), nil).text)
	mail := box.one(t, "ada@example.com", "reauthentication")
	require.Empty(t, mail.Link)
	w.call("PUT", "/user", access(s), object{"password": "battery staple", "nonce": "nonsense"}).refused(422, "reauthentication_not_valid")
	w.call("POST", "/verify", "", object{"type": "email", "email": "ada@example.com", "token": mail.OTP}).refused(403, "otp_expired")
	w.call("PUT", "/user", access(s), object{"password": "battery staple", "nonce": mail.OTP}).ok()
	w.call("PUT", "/user", access(s), object{"password": "once more", "nonce": mail.OTP}).refused(422, "reauthentication_not_valid")
	w.call("PUT", "/user", access(s), object{"data": object{"name": "Ada"}}).ok()
	w.asAuthAdmin(t, `update auth.users set email_confirmed_at = null`)
	w.call("GET", "/reauthenticate", access(s), nil).refused(422, "email_not_confirmed")
}

func TestInvite(t *testing.T) {
	t.Parallel()
	w, box := newMailWorld(t)
	key := w.keys.ServiceRoleKey()
	u := w.call("POST", "/invite", key, object{"email": "Bob@example.com", "data": object{"name": "Bob"}}).ok()
	require.Equal(t, "bob@example.com", u["email"])
	require.NotEmpty(t, u["invited_at"])
	require.NotContains(t, u, "email_confirmed_at")
	w.call("POST", "/token?grant_type=password", "", credentials("bob@example.com")).refused(400, "invalid_credentials")
	box.take()
	again := w.call("POST", "/invite", key, object{"email": "bob@example.com"}).ok()
	require.Equal(t, u["id"], again["id"])
	_, _, fragment := w.follow(box.one(t, "bob@example.com", "invite").Link)
	require.Equal(t, "invite", fragment.Get("type"))
	w.call("PUT", "/user", fragment.Get("access_token"), object{"password": password}).ok()
	w.login("bob@example.com")
	w.call("POST", "/invite", key, object{"email": "bob@example.com"}).refused(422, "email_exists")
}

func TestGenerateLink(t *testing.T) {
	t.Parallel()
	w, box := newMailWorld(t, confirmEmail)
	key := w.keys.ServiceRoleKey()
	generate := func(body object) answer { return w.call("POST", "/admin/generate_link", key, body) }
	for _, tc := range []struct {
		body   object
		status int
		code   string
	}{
		{object{"type": "magiclink"}, 400, "validation_failed"},
		{object{"type": "nonsense", "email": "a@example.com"}, 400, "validation_failed"},
		{object{"type": "recovery", "email": "a@example.com"}, 404, "user_not_found"},
		{object{"type": "email_change_new", "email": "a@example.com", "new_email": "b@example.com"}, 404, "user_not_found"},
		{object{"type": "signup", "email": "a@example.com"}, 400, "validation_failed"},
		{object{"type": "signup", "email": "a@example.com", "password": "1"}, 422, "weak_password"},
	} {
		generate(tc.body).refused(tc.status, tc.code)
	}
	signup := generate(object{"type": "signup", "email": "ada@example.com", "password": password, "data": object{"name": "Ada"}, "redirect_to": "http://127.0.0.1:3000/hi"}).ok()
	require.Equal(t, "signup", signup["verification_type"])
	require.Equal(t, "http://127.0.0.1:3000/hi", signup["redirect_to"])
	require.NotContains(t, signup, "email_confirmed_at")
	to, _, _ := w.follow(signup["action_link"].(string))
	require.Equal(t, "http://127.0.0.1:3000/hi", to)
	generate(object{"type": "signup", "email": "ada@example.com", "password": password}).refused(422, "email_exists")
	generate(object{"type": "invite", "email": "ada@example.com"}).refused(422, "email_exists")

	for _, kind := range []string{"magiclink", "recovery"} {
		made := generate(object{"type": kind, "email": "ada@example.com"}).ok()
		require.Equal(t, signup["id"], made["id"])
		s := w.call("POST", "/verify", "", object{"type": "email", "email": "ada@example.com", "token": made["email_otp"]}).ok()
		require.Equal(t, signup["id"], s["user"].(object)["id"])
	}
	stranger := generate(object{"type": "magiclink", "email": "new@example.com"}).ok()
	require.Equal(t, "signup", stranger["verification_type"])
	w.call("POST", "/verify", "", object{"type": "signup", "token_hash": stranger["hashed_token"]}).ok()
	guest := generate(object{"type": "invite", "email": "guest@example.com"}).ok()
	w.call("POST", "/verify", "", object{"type": "invite", "token_hash": guest["hashed_token"]}).ok()

	change := object{"type": "email_change_current", "email": "ada@example.com", "new_email": "countess@example.com"}
	w.follow(generate(change).ok()["action_link"].(string))
	w.login("ada@example.com")
	generate(object{"type": "email_change_new", "email": "ada@example.com", "new_email": "guest@example.com"}).refused(422, "email_exists")
	require.Empty(t, box.take(), "nothing is mailed")
}
