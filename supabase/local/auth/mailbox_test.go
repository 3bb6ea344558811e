package auth_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/supabase/local/auth"
)

// mailbox takes the mails of a world.
type mailbox struct {
	mu     sync.Mutex // guards all
	mails  []auth.Mail
	broken bool
}

func (m *mailbox) Send(_ context.Context, mail auth.Mail) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.broken {
		return errors.New("the mail server is down")
	}
	m.mails = append(m.mails, mail)
	return nil
}

// take empties the mailbox.
func (m *mailbox) take() []auth.Mail {
	m.mu.Lock()
	defer m.mu.Unlock()
	mails := m.mails
	m.mails = nil
	return mails
}

// one requires just one mail, and returns it.
func (m *mailbox) one(t *testing.T, to, kind string) auth.Mail {
	t.Helper()
	mails := m.take()
	require.Len(t, mails, 1)
	require.Equal(t, to, mails[0].To)
	require.Equal(t, kind, mails[0].Kind)
	require.Regexp(t, `^\d{6}$`, mails[0].OTP)
	return mails[0]
}

func newMailWorld(t *testing.T, options ...func(*auth.Config)) (*world, *mailbox) {
	t.Helper()
	box := &mailbox{}
	return newWorld(t, append([]func(*auth.Config){func(c *auth.Config) { c.Mailer = box }}, options...)...), box
}

func confirmEmail(c *auth.Config) { c.ConfirmEmail = true }

// follow opens a mail's link, and returns where the browser goes next with what is in query and fragment.
func (w *world) follow(link string) (to string, query, fragment url.Values) {
	w.t.Helper()
	path, found := strings.CutPrefix(link, issuer)
	require.True(w.t, found, link)
	a := w.call("GET", path, "", nil)
	require.Equal(w.t, http.StatusSeeOther, a.status, a.text)
	require.Equal(w.t, "no-store", a.header.Get("Cache-Control"))
	u, err := url.Parse(a.header.Get("Location"))
	require.NoError(w.t, err)
	fragment, err = url.ParseQuery(u.Fragment)
	require.NoError(w.t, err)
	query = u.Query()
	u.RawQuery, u.Fragment = "", ""
	return u.String(), query, fragment
}

// refusedLink opens a link that is good for nothing.
func (w *world) refusedLink(link string) {
	w.t.Helper()
	_, _, fragment := w.follow(link)
	require.Equal(w.t, "access_denied", fragment.Get("error"))
	require.Equal(w.t, "otp_expired", fragment.Get("error_code"))
	require.Equal(w.t, "Email link is invalid or has expired", fragment.Get("error_description"))
	require.Empty(w.t, fragment.Get("access_token"))
}
