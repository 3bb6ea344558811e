package auth_test

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestRefreshRotates(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.signup("ada@example.com")
	before, err := w.keys.Parse(access(s))
	require.NoError(t, err)
	w.advance(time.Minute)
	next := w.refresh(s["refresh_token"]).ok()
	require.NotEqual(t, s["refresh_token"], next["refresh_token"])
	require.NotEqual(t, access(s), access(next))
	after, err := w.keys.Parse(access(next))
	require.NoError(t, err)
	require.Equal(t, before["session_id"], after["session_id"])
	require.Equal(t, before["amr"], after["amr"], "a refresh is no new authentication")
	require.Equal(t, 1, w.count(`select count(*) from auth.refresh_tokens where token = $1 and revoked`, s["refresh_token"]))
	require.Equal(t, 1, w.count(`select count(*) from auth.refresh_tokens where token = $1 and not revoked and parent = $2`, next["refresh_token"], s["refresh_token"]))
	require.Equal(t, 1, w.count(`select count(*) from auth.sessions where refreshed_at is not null`))
	w.advance(time.Hour)
	w.refresh(next["refresh_token"]).ok()
}

// A client that lost the answer may ask again: it gets the token that it missed, as long as that is not used.
func TestRefreshOfTheDirectParentAnswersAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.signup("ada@example.com")
	lost := w.refresh(s["refresh_token"]).ok()
	w.advance(time.Hour)
	again := w.refresh(s["refresh_token"]).ok()
	require.Equal(t, lost["refresh_token"], again["refresh_token"])
	require.Equal(t, 2, w.count(`select count(*) from auth.refresh_tokens`))
}

func TestReuseWithinTheInterval(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.signup("ada@example.com")
	second := w.refresh(s["refresh_token"]).ok()
	w.refresh(second["refresh_token"]).ok()
	w.advance(9 * time.Second)
	w.refresh(s["refresh_token"]).ok()
}

func TestReuseRevokesTheFamily(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	other := w.signup("ada@example.com")
	s := w.login("ada@example.com")
	second := w.refresh(s["refresh_token"]).ok()
	third := w.refresh(second["refresh_token"]).ok()
	w.advance(11 * time.Second)
	reused := w.refresh(s["refresh_token"])
	reused.refused(400, "refresh_token_already_used")
	require.Equal(t, "Invalid Refresh Token: Already Used", reused.body["msg"])
	for _, session := range []object{third, second, s} { // even at once: the interval is no second chance for a revoked family
		w.refresh(session["refresh_token"]).refused(400, "refresh_token_already_used")
	}
	require.Zero(t, w.count(`select count(*) from auth.refresh_tokens r join auth.sessions s on s.id = r.session_id
		where not r.revoked and r.session_id <> (select session_id from auth.refresh_tokens where token = $1)`, other["refresh_token"]))
	w.refresh(other["refresh_token"]).ok()
}

func TestConcurrentRefreshesAgree(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.signup("ada@example.com")
	answers := make([]answer, 12)
	var wg sync.WaitGroup
	for i := range answers {
		wg.Go(func() { answers[i] = w.refresh(s["refresh_token"]) })
	}
	wg.Wait()
	for _, a := range answers {
		require.Equal(t, answers[0].ok()["refresh_token"], a.ok()["refresh_token"])
	}
	require.Equal(t, 2, w.count(`select count(*) from auth.refresh_tokens`))
	require.Equal(t, 1, w.count(`select count(*) from auth.refresh_tokens where not revoked`))
}

// A thief and the owner refresh at once, after the thief was already once ahead: the family dies, whoever comes first.
func TestConcurrentReuseRevokesTheFamily(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.signup("ada@example.com")
	second := w.refresh(s["refresh_token"]).ok()
	third := w.refresh(second["refresh_token"]).ok()
	w.advance(time.Minute)
	var wg sync.WaitGroup
	for _, token := range []any{s["refresh_token"], third["refresh_token"], s["refresh_token"], third["refresh_token"]} {
		wg.Go(func() { w.refresh(token) })
	}
	wg.Wait()
	require.Zero(t, w.count(`select count(*) from auth.refresh_tokens where not revoked`))
}

func TestRefreshOfWhatIsOver(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.signup("ada@example.com")
	w.asAuthAdmin(t, `update auth.sessions set not_after = now() - interval '1 second'`)
	w.refresh(s["refresh_token"]).refused(400, "session_expired")
	w.asAuthAdmin(t, `update auth.refresh_tokens set session_id = null`)
	w.refresh(s["refresh_token"]).refused(400, "session_not_found")

	s = w.login("ada@example.com")
	w.call("DELETE", "/admin/users/"+userID(s).String(), w.keys.ServiceRoleKey(), nil).ok()
	w.refresh(s["refresh_token"]).refused(400, "refresh_token_not_found")
}

// The user in a refresh's answer, and in its token, is the one of now.
func TestRefreshSeesChanges(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.signup("ada@example.com")
	w.call("PUT", "/admin/users/"+userID(s).String(), w.keys.ServiceRoleKey(), object{"app_metadata": object{"team": "a"}}).ok()
	claims, err := w.keys.Parse(access(w.refresh(s["refresh_token"]).ok()))
	require.NoError(t, err)
	require.Equal(t, "a", claims["app_metadata"].(object)["team"])
}
