package auth_test

import (
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/supabase/local/auth"
)

func TestMailsThatAreRefused(t *testing.T) {
	t.Parallel()
	w, box := newMailWorld(t, func(c *auth.Config) { c.DisableSignup = true })
	for _, tc := range []struct {
		path   string
		body   any
		status int
		code   string
	}{
		{"/otp", "nonsense", 400, "bad_json"},
		{"/otp", object{}, 400, "validation_failed"},
		{"/otp", object{"email": "nonsense"}, 400, "validation_failed"},
		{"/otp", object{"email": "a@example.com", "phone": "1"}, 400, "validation_failed"},
		{"/otp", object{"email": "a@example.com", "create_user": false}, 422, "otp_disabled"},
		{"/otp", object{"email": "a@example.com"}, 422, "signup_disabled"},
		{"/otp", object{"email": "a@example.com", "code_challenge": "x"}, 400, "validation_failed"},
		{"/otp", object{"email": "a@example.com", "code_challenge": "x", "code_challenge_method": "s256"}, 400, "validation_failed"},
		{"/otp", object{"email": "a@example.com", "code_challenge": strings.Repeat("x", 43), "code_challenge_method": "md5"}, 400, "validation_failed"},
		{"/magiclink", object{"email": "a@example.com"}, 422, "signup_disabled"},
		{"/recover", object{}, 400, "validation_failed"},
		{"/recover", object{"email": "nonsense"}, 400, "validation_failed"},
		{"/resend", object{"email": "a@example.com"}, 400, "validation_failed"},
		{"/resend", object{"type": "recovery", "email": "a@example.com"}, 400, "validation_failed"},
		{"/resend", object{"type": "signup"}, 400, "validation_failed"},
		{"/invite", object{"email": "a@example.com"}, 401, "no_authorization"},
		{"/admin/generate_link", object{"type": "magiclink", "email": "a@example.com"}, 401, "no_authorization"},
	} {
		w.call("POST", tc.path, "", tc.body).refused(tc.status, tc.code)
	}
	w.call("GET", "/reauthenticate", "", nil).refused(401, "no_authorization")
	for _, path := range []string{"/invite", "/admin/generate_link"} {
		w.call("POST", path, w.keys.AnonKey(), object{"email": "a@example.com"}).refused(403, "not_admin")
	}
	// Nobody learns who has an account.
	require.JSONEq(t, `{}`, w.call("POST", "/recover", "", object{"email": "a@example.com"}).text)
	require.JSONEq(t, `{}`, w.call("POST", "/resend", "", object{"email": "a@example.com", "type": "signup"}).text)
	require.Empty(t, box.take())
	require.Zero(t, w.count(`select count(*) from auth.users`))
}

func TestVerifyThatIsRefused(t *testing.T) {
	t.Parallel()
	w, box := newMailWorld(t)
	w.signup("ada@example.com")
	w.signup("bob@example.com")
	require.JSONEq(t, `{}`, w.call("POST", "/otp", "", object{"email": "ada@example.com"}).text)
	mail := box.one(t, "ada@example.com", "magiclink")
	for _, tc := range []struct {
		body   any
		status int
		code   string
	}{
		{object{}, 400, "validation_failed"},
		{object{"type": "email"}, 400, "validation_failed"},
		{object{"type": "email", "token": mail.OTP}, 400, "validation_failed"},
		{object{"type": "email", "token": mail.OTP, "token_hash": mail.TokenHash}, 400, "validation_failed"},
		{object{"type": "email", "token_hash": mail.TokenHash, "email": "ada@example.com"}, 400, "validation_failed"},
		{object{"type": "nonsense", "token_hash": mail.TokenHash}, 400, "validation_failed"},
		{object{"type": "email", "token": mail.OTP, "email": "bob@example.com"}, 403, "otp_expired"},
		{object{"type": "email", "token": mail.OTP, "email": "nobody@example.com"}, 403, "otp_expired"},
		{object{"type": "email", "token": "nonsense", "email": "ada@example.com"}, 403, "otp_expired"},
		{object{"type": "signup", "token": mail.OTP, "email": "ada@example.com"}, 403, "otp_expired"},
		{object{"type": "email_change", "token_hash": mail.TokenHash}, 403, "otp_expired"},
		{object{"type": "email", "token_hash": "nonsense"}, 403, "otp_expired"},
		{object{"type": "email", "token_hash": ""}, 400, "validation_failed"},
	} {
		w.call("POST", "/verify", "", tc.body).refused(tc.status, tc.code)
	}
	w.asAuthAdmin(t, `update auth.users set banned_until = now() + interval '1 day' where email = 'ada@example.com'`)
	w.call("POST", "/verify", "", object{"type": "email", "token_hash": mail.TokenHash}).refused(403, "user_banned")
	w.asAuthAdmin(t, `update auth.users set banned_until = null`)
	w.advance(time.Hour + time.Second)
	w.call("POST", "/verify", "", object{"type": "email", "token": mail.OTP, "email": "ada@example.com"}).refused(403, "otp_expired")
	w.refusedLink(mail.Link)
	require.Equal(t, 2, w.count(`select count(*) from auth.sessions`), "of the two signups")
}

func TestMagicLink(t *testing.T) {
	t.Parallel()
	w, box := newMailWorld(t)
	w.call("POST", "/otp", "", object{"email": "Ada@example.com", "data": object{"name": "Ada"}}).ok()
	mail := box.one(t, "ada@example.com", "magiclink")
	to, query, fragment := w.follow(mail.Link)
	require.Equal(t, "http://127.0.0.1:3000", to)
	require.Empty(t, query)
	require.Equal(t, "bearer", fragment.Get("token_type"))
	require.Equal(t, "magiclink", fragment.Get("type"))
	u := w.call("GET", "/user", fragment.Get("access_token"), nil).ok()
	require.Equal(t, "ada@example.com", u["email"])
	require.Equal(t, "Ada", u["user_metadata"].(object)["name"])
	require.NotEmpty(t, u["email_confirmed_at"])
	require.Equal(t, true, u["identities"].([]any)[0].(object)["identity_data"].(object)["email_verified"])
	require.NotEmpty(t, w.refresh(fragment.Get("refresh_token")).ok()["access_token"])
	require.Equal(t, 1, w.count(`select count(*) from auth.mfa_amr_claims where authentication_method = 'otp'`))
	require.Equal(t, 1, w.count(`select count(*) from auth.sessions where aal = 'aal1'`))
	w.refusedLink(mail.Link) // once is all

	// By code, and by hash; each mail ends the one before.
	w.advance(2 * time.Second)
	w.call("POST", "/magiclink", "", object{"email": "ada@example.com", "create_user": false}).ok()
	first := box.one(t, "ada@example.com", "magiclink")
	w.advance(2 * time.Second)
	w.call("POST", "/otp", "", object{"email": "ada@example.com"}).ok()
	second := box.one(t, "ada@example.com", "magiclink")
	w.refusedLink(first.Link)
	s := w.call("POST", "/verify", "", object{"type": "email", "email": "ADA@example.com", "token": second.OTP}).ok()
	require.Equal(t, u["id"], s["user"].(object)["id"])
	w.call("POST", "/verify", "", object{"type": "email", "token_hash": second.TokenHash}).refused(403, "otp_expired")
	require.Zero(t, w.count(`select count(*) from auth.one_time_tokens`))
	require.Zero(t, w.count(`select count(*) from auth.users where recovery_token <> ''`))
}

func TestRecover(t *testing.T) {
	t.Parallel()
	w, box := newMailWorld(t)
	w.signup("ada@example.com")
	w.call("POST", "/recover?redirect_to="+url.QueryEscape("http://127.0.0.1:3000/new?a=b"), "", object{"email": "ada@example.com"}).ok()
	mail := box.one(t, "ada@example.com", "recovery")
	to, query, fragment := w.follow(mail.Link)
	require.Equal(t, "http://127.0.0.1:3000/new", to)
	require.Equal(t, "b", query.Get("a"))
	require.Equal(t, "recovery", fragment.Get("type"))
	w.call("PUT", "/user", fragment.Get("access_token"), object{"password": "battery staple"}).ok()
	w.call("POST", "/token?grant_type=password", "", credentials("ada@example.com")).refused(400, "invalid_credentials")
	// A new password ends mails that are under way.
	w.advance(2 * time.Second)
	w.call("POST", "/recover", "", object{"email": "ada@example.com"}).ok()
	w.call("PUT", "/user", fragment.Get("access_token"), object{"password": "once more"}).ok()
	w.refusedLink(box.one(t, "ada@example.com", "recovery").Link)
}

func TestRedirectsStayAtHome(t *testing.T) {
	t.Parallel()
	w, box := newMailWorld(t, func(c *auth.Config) { c.RedirectURLs = []string{"https://*.example.com/**", "myapp://login"} })
	w.signup("ada@example.com")
	for asked, want := range map[string]string{
		"":                                   "http://127.0.0.1:3000",
		"http://127.0.0.1:9999/x":            "http://127.0.0.1:9999/x",
		"http://evil.example/":               "http://127.0.0.1:3000",
		"http://127.0.0.1@evil.example/":     "http://127.0.0.1:3000",
		"http://127.0.0.1.evil.example/":     "http://127.0.0.1:3000",
		"javascript://127.0.0.1/%0aalert(1)": "http://127.0.0.1:3000",
		"//evil.example":                     "http://127.0.0.1:3000",
		"https://app.example.com/a/b":        "https://app.example.com/a/b",
		"https://a.b.example.com/":           "http://127.0.0.1:3000",
		"https://evil.org/?.example.com/":    "http://127.0.0.1:3000",
		"myapp://login":                      "myapp://login",
		"myapp://login/other":                "http://127.0.0.1:3000",
	} {
		w.advance(2 * time.Second)
		w.call("POST", "/recover?redirect_to="+url.QueryEscape(asked), "", object{"email": "ada@example.com"}).ok()
		mail := box.one(t, "ada@example.com", "recovery")
		to, _, _ := w.follow(mail.Link)
		require.Equal(t, want, to, asked)
		// What the link says is not believed either.
		w.advance(2 * time.Second)
		w.call("POST", "/recover", "", object{"email": "ada@example.com"}).ok()
		link, _, _ := strings.Cut(box.one(t, "ada@example.com", "recovery").Link, "&redirect_to=")
		to, _, _ = w.follow(link + "&redirect_to=" + url.QueryEscape(asked))
		require.Equal(t, want, to, asked)
	}
}

func TestMailsAreLimited(t *testing.T) {
	t.Parallel()
	w, box := newMailWorld(t, func(c *auth.Config) { c.MailInterval = time.Minute })
	s := w.signup("ada@example.com")
	again := func() []answer {
		return []answer{
			w.call("POST", "/otp", "", object{"email": "ada@example.com"}), w.call("POST", "/recover", "", object{"email": "ada@example.com"}),
			w.call("GET", "/reauthenticate", access(s), nil), w.call("PUT", "/user", access(s), object{"email": "countess@example.com"}),
		}
	}
	again()
	require.Len(t, box.take(), 3, "magic link and recovery share a limit")
	w.advance(30*time.Second + 500*time.Millisecond)
	for _, a := range again() {
		a.refused(429, "over_email_send_rate_limit")
		require.Regexp(t, `^For security purposes, you can only request this after (29|30) seconds\.$`, a.body["msg"])
	}
	require.Empty(t, box.take())
	w.advance(30 * time.Second)
	again()
	require.Len(t, box.take(), 3)
}

func TestMailThatCannotBeSentLeavesNothing(t *testing.T) {
	t.Parallel()
	w, box := newMailWorld(t, confirmEmail)
	box.broken = true
	w.call("POST", "/signup", "", credentials("ada@example.com")).refused(500, "unexpected_failure")
	w.call("POST", "/otp", "", object{"email": "ada@example.com"}).refused(500, "unexpected_failure")
	require.Zero(t, w.count(`select (select count(*) from auth.users) + (select count(*) from auth.one_time_tokens)`))
}

// A link that is opened twice at once logs in once.
func TestOneTimeMeansOnce(t *testing.T) {
	t.Parallel()
	w, box := newMailWorld(t)
	w.call("POST", "/otp", "", object{"email": "ada@example.com"}).ok()
	mail := box.one(t, "ada@example.com", "magiclink")
	var wg sync.WaitGroup
	statuses := make([]int, 8)
	for i := range statuses {
		wg.Go(func() {
			statuses[i] = w.call("POST", "/verify", "", object{"type": "email", "token_hash": mail.TokenHash}).status
		})
	}
	wg.Wait()
	good := 0
	for _, status := range statuses {
		if status == 200 {
			good++
		}
	}
	require.Equal(t, 1, good, statuses)
	require.Equal(t, 1, w.count(`select count(*) from auth.sessions`))
}

func TestDefaultMailerWritesALine(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	w := newWorld(t, func(c *auth.Config) { c.Log = slog.New(slog.NewTextHandler(&log, nil)) })
	w.call("POST", "/otp", "", object{"email": "ada@example.com"}).ok()
	require.Equal(t, 1, strings.Count(log.String(), "\n"))
	require.Contains(t, log.String(), "kind=magiclink")
	require.Contains(t, log.String(), issuer+"/verify?token=")
}
