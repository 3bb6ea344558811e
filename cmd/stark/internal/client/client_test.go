package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/wire"
	"github.com/stark-o/stark/cmd/stark/internal/client"
)

// tokens hands out "old" until it is refused, then "new".
type tokens struct {
	renewed int
	err     error
}

func (s *tokens) Access(context.Context) (string, error) { return "old", nil }

func (s *tokens) Renew(_ context.Context, refused string) (string, error) {
	s.renewed++
	if refused != "old" {
		return "", fmt.Errorf("renew: %q was not refused", refused)
	}
	return "new", s.err
}

func serve(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return srv.URL
}

func dial(t *testing.T, server string, s client.Tokens) *client.Client {
	t.Helper()
	c, err := client.New(client.Config{Server: server, Tokens: s, UserAgent: "stark/test"})
	require.NoError(t, err)
	return c
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // a client that went away is the test's failure, not this handler's
}

func refuse(w http.ResponseWriter, status int, p wire.Problem) {
	answer(w, status, wire.Failure{Error: p})
}

func TestServerURLIsChecked(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"", "127.0.0.1:7827", "ftp://x", "http://", "http://me:secret@host", "http://host?q=1", "http://host/#f", "http://\x00"} {
		_, err := client.New(client.Config{Server: bad})
		require.Error(t, err, bad)
		require.NotContains(t, err.Error(), "secret")
	}
	c, err := client.New(client.Config{Server: "https://host/stark/"})
	require.NoError(t, err)
	require.Equal(t, "https://host/stark", c.Server())
}

func TestProblemBecomesError(t *testing.T) {
	t.Parallel()
	url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		refuse(w, 409, wire.Problem{Code: core.CodeConflict, Message: "there is one", Field: "name", Hint: "choose another", CorrelationID: "c-1"})
	})
	_, err := dial(t, url, &tokens{}).CreatePod(t.Context(), wire.PodCreate{})
	require.ErrorIs(t, err, client.ErrConflict)
	require.NotErrorIs(t, err, client.ErrNotFound)
	var e *client.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, 409, e.Status)
	require.Equal(t, "name: there is one", e.Error())
	require.Equal(t, "choose another", e.Hint)
	require.Equal(t, "c-1", e.CorrelationID)
}

func TestCorrelationIDComesFromTheHeaderToo(t *testing.T) {
	t.Parallel()
	url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Correlation-ID", "h-1")
		refuse(w, 500, wire.Problem{Code: core.CodeInternal, Message: "internal error"})
	})
	_, err := dial(t, url, &tokens{}).Whoami(t.Context())
	var e *client.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, "h-1", e.CorrelationID)
}

func TestForeignServerIsNamed(t *testing.T) {
	t.Parallel()
	for name, h := range map[string]http.HandlerFunc{
		"html": func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>") },
		"json": func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"ok":true}`) },
		"502":  func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(502) },
		"redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://127.0.0.1:1/", http.StatusFound)
		},
	} {
		url := serve(t, h)
		_, err := dial(t, url, nil).Info(t.Context())
		var e *client.ForeignError
		require.ErrorAs(t, err, &e, name)
		require.ErrorContains(t, err, url, name)
	}
}

func TestUnreachable(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	url := "http://" + listener.Addr().String()
	require.NoError(t, listener.Close())
	_, err = dial(t, url, nil).Info(t.Context())
	var e *client.UnreachableError
	require.ErrorAs(t, err, &e)
	require.Equal(t, url, e.Server)
}

func TestCutAnswerIsUnreachable(t *testing.T) {
	t.Parallel()
	url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000")
		fmt.Fprint(w, `{"success":true`)
	})
	_, err := dial(t, url, nil).Info(t.Context())
	var e *client.UnreachableError
	require.ErrorAs(t, err, &e)
}

func TestCancelIsNotUnreachable(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	url := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	})
	_, err := dial(t, url, nil).Info(ctx)
	require.ErrorIs(t, err, context.Canceled)
	var e *client.UnreachableError
	require.False(t, errors.As(err, &e))
}

func TestRefusedTokenIsRenewedOnce(t *testing.T) {
	t.Parallel()
	var bodies []string
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		var in wire.PodCreate
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
			t.Error(err)
		}
		bodies = append(bodies, in.Name)
		if r.Header.Get("Authorization") != "Bearer new" {
			refuse(w, 401, wire.Problem{Code: core.CodeUnauthenticated, Message: "token expired"})
			return
		}
		answer(w, 201, wire.Success{Success: true, Data: wire.Pod{Name: in.Name}})
	})
	s := &tokens{}
	pod, err := dial(t, url, s).CreatePod(t.Context(), wire.PodCreate{Name: "hello"})
	require.NoError(t, err)
	require.Equal(t, "hello", pod.Name)
	require.Equal(t, 1, s.renewed)
	require.Equal(t, []string{"hello", "hello"}, bodies, "the body is sent again in full")
}

func TestTokenThatStaysRefusedIsNotTriedForEver(t *testing.T) {
	t.Parallel()
	requests := 0
	url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		requests++
		refuse(w, 401, wire.Problem{Code: core.CodeUnauthenticated, Message: "no"})
	})
	_, err := dial(t, url, &tokens{}).Whoami(t.Context())
	require.ErrorIs(t, err, client.ErrUnauthorized)
	require.Equal(t, 2, requests)
}

func TestFailedRenewalIsToldWithTheRefusal(t *testing.T) {
	t.Parallel()
	url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		refuse(w, 401, wire.Problem{Code: core.CodeUnauthenticated, Message: "no"})
	})
	gone := errors.New("gone")
	_, err := dial(t, url, &tokens{err: gone}).Whoami(t.Context())
	require.ErrorIs(t, err, gone)
	require.ErrorIs(t, err, client.ErrUnauthorized)
}

func TestPublicCallsCarryNoToken(t *testing.T) {
	t.Parallel()
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" {
			t.Error("a token was sent")
		}
		answer(w, 200, wire.Success{Success: true, Data: wire.ServerInfo{Version: "1"}})
	})
	info, err := dial(t, url, &tokens{}).Info(t.Context())
	require.NoError(t, err)
	require.Equal(t, "1", info.Version)
}

func TestListsFollowCursorsUpToTheLimit(t *testing.T) {
	t.Parallel()
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		if q.Get("namespace") != "default" {
			t.Error("the filter got lost")
		}
		start := 0
		if c := q.Get("cursor"); c != "" {
			_, _ = fmt.Sscan(c, &start)
		}
		pods := []wire.Pod{{Name: fmt.Sprint(start)}, {Name: fmt.Sprint(start + 1)}}
		page := &wire.Page{}
		if start < 4 {
			page.Next = fmt.Sprint(start + 2)
		}
		answer(w, 200, wire.Success{Success: true, Data: pods, Page: page})
	})
	c := dial(t, url, &tokens{})
	all, more, err := c.Pods(t.Context(), client.PodFilter{Namespace: "default"}, 0)
	require.NoError(t, err)
	require.False(t, more)
	require.Len(t, all, 6)

	some, more, err := c.Pods(t.Context(), client.PodFilter{Namespace: "default"}, 3)
	require.NoError(t, err)
	require.True(t, more)
	require.Equal(t, "2", some[2].Name)
}

func TestLogoutTakesAnEmptyAnswer(t *testing.T) {
	t.Parallel()
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("scope") != "global" {
			t.Error("the scope got lost")
		}
		w.WriteHeader(http.StatusNoContent)
	})
	require.NoError(t, dial(t, url, &tokens{}).Logout(t.Context(), "global"))
}

func TestNamesAreEscaped(t *testing.T) {
	t.Parallel()
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.EscapedPath() != "/api/nodes/a%2Fb%3Fc" {
			t.Errorf("got %s", r.URL.EscapedPath())
		}
		answer(w, 200, wire.Success{Success: true, Data: wire.Node{}})
	})
	_, err := dial(t, url, &tokens{}).Node(t.Context(), "a/b?c")
	require.NoError(t, err)
}

func TestLogQueries(t *testing.T) {
	t.Parallel()
	var got []string
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		got = append(got, r.URL.RawQuery)
		answer(w, 200, wire.Success{Success: true, Data: []wire.PodLogLine{}})
	})
	c := dial(t, url, &tokens{})
	for _, q := range []client.LogQuery{{}, {After: 7, Limit: 10}, {Tail: 5}} {
		_, err := c.PodLogs(t.Context(), uuid.Nil, q)
		require.NoError(t, err)
	}
	require.Equal(t, []string{"after=0", "after=7&limit=10", "tail=5"}, got)
}
