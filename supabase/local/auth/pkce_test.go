package auth_test

import (
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/supabase/local/auth"
)

const verifier = "a verifier that only the client has, 0123456789"

func withChallenge(body object) object {
	sum := sha256.Sum256([]byte(verifier))
	body["code_challenge"], body["code_challenge_method"] = base64.RawURLEncoding.EncodeToString(sum[:]), "s256"
	return body
}

func (w *world) exchange(code, verifier string) answer {
	w.t.Helper()
	return w.call("POST", "/token?grant_type=pkce", "", object{"auth_code": code, "code_verifier": verifier})
}

func TestPKCE(t *testing.T) {
	t.Parallel()
	w, box := newMailWorld(t, confirmEmail)
	email := "ada@example.com"
	for _, step := range []struct {
		kind, method string
		ask          func()
	}{
		{"signup", "email/signup", func() { w.call("POST", "/signup", "", withChallenge(credentials(email))).ok() }},
		{"magiclink", "magiclink", func() { w.call("POST", "/otp", "", withChallenge(object{"email": email})).ok() }},
		{"recovery", "recovery", func() { w.call("POST", "/recover", "", withChallenge(object{"email": email})).ok() }},
	} {
		w.advance(2 * time.Second)
		step.ask()
		mail := box.one(t, email, step.kind)
		require.True(t, strings.HasPrefix(mail.TokenHash, "pkce_"))
		w.refusedLink(strings.Replace(mail.Link, "pkce_", "", 1)) // not to get around the verifier
		_, query, fragment := w.follow(mail.Link)
		require.Empty(t, fragment)
		code := query.Get("code")
		w.exchange(code, "").refused(400, "validation_failed")
		w.exchange("nonsense", verifier).refused(404, "flow_state_not_found")
		w.exchange(code, "another verifier").refused(400, "bad_code_verifier")
		s := w.exchange(code, verifier).ok()
		require.Equal(t, email, s["user"].(object)["email"])
		require.Equal(t, 1, w.count(`select count(*) from auth.mfa_amr_claims where authentication_method = $1`, step.method))
		w.exchange(code, verifier).refused(404, "flow_state_not_found")
	}
	_, query, fragment := w.follow(pkceLink("pkce_nonsense"))
	require.Equal(t, "otp_expired", query.Get("error_code"))
	require.Equal(t, "otp_expired", fragment.Get("error_code"))
	// The code of a mail is as good as its link.
	w.advance(2 * time.Second)
	w.call("POST", "/otp", "", withChallenge(object{"email": email})).ok()
	w.call("POST", "/verify", "", object{"type": "email", "email": email, "token": box.one(t, email, "magiclink").OTP}).ok()
}

func pkceLink(token string) string { return issuer + "/verify?type=magiclink&token=" + token }

func TestPKCEExpiresAndChangesEmail(t *testing.T) {
	t.Parallel()
	w, box := newMailWorld(t, func(c *auth.Config) { c.AccessTokenTTL = 24 * time.Hour })
	s := w.signup("ada@example.com")
	w.call("PUT", "/user", access(s), withChallenge(object{"email": "countess@example.com"})).ok()
	_, query, _ := w.follow(box.one(t, "countess@example.com", "email_change").Link)
	w.advance(6 * time.Minute)
	w.exchange(query.Get("code"), verifier).refused(422, "flow_state_expired")
	require.Equal(t, "countess@example.com", w.call("GET", "/user", access(s), nil).ok()["email"])
	// A code that was not given out yet is none.
	w.call("POST", "/recover", "", withChallenge(object{"email": "countess@example.com"})).ok()
	var code string
	require.NoError(t, w.owner.QueryRow(t.Context(), `select auth_code from auth.flow_state where auth_code_issued_at is null`).Scan(&code))
	w.exchange(code, verifier).refused(404, "flow_state_not_found")
	w.asAuthAdmin(t, `update auth.users set banned_until = $1`, w.now().Add(time.Hour))
	_, query, _ = w.follow(box.one(t, "countess@example.com", "recovery").Link)
	require.Equal(t, "user_banned", query.Get("error_code"))
}
