package store

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/wire"
	"github.com/stark-o/stark/tests/fixture"
)

func TestFirstAdmin(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	fixture.Exec(t, w.pool, "update public.users set role = 'viewer'")
	token, err := w.OfferSetup(t.Context(), false)
	require.NoError(t, err)
	require.Regexp(t, `^stark_setup_[0-9a-f]{64}$`, token)
	again, err := w.OfferSetup(t.Context(), false)
	require.NoError(t, err)
	require.Empty(t, again, "it is shown once")
	renewed, err := w.OfferSetup(t.Context(), true)
	require.NoError(t, err)
	require.NotEqual(t, token, renewed)

	for _, wrong := range []string{token, "stark_setup_", "", renewed + "x"} {
		_, err := w.SetupAdmin(t.Context(), w.dev, wrong)
		requireCode(t, core.CodeForbidden, err)
	}
	user, err := w.SetupAdmin(t.Context(), w.dev, renewed)
	require.NoError(t, err)
	require.Equal(t, "admin", user.Role)
	_, err = w.SetupAdmin(t.Context(), w.dev, renewed)
	requireCode(t, core.CodeConflict, err)
	none, err := w.OfferSetup(t.Context(), true)
	require.NoError(t, err)
	require.Empty(t, none, "there is an admin")
}

func TestAccountsByActor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.cast(t)
	operator, viewer := "operator", "viewer"
	target := c["viewer"].UserID
	for _, name := range []string{"operator", "developer", "viewer", "node"} {
		_, err := w.UpdateAccount(t.Context(), c[name], target, wire.AccountPatch{Role: &operator})
		require.Error(t, err, name)
		require.Contains(t, []core.Code{core.CodeForbidden, core.CodeNotFound}, core.CodeOf(err), name)
	}
	for name, sees := range map[string]bool{"admin": true, "operator": true, "developer": false, "node": false, "nobody": false} {
		_, err := w.Account(t.Context(), c[name], target)
		if !sees {
			requireCode(t, core.CodeNotFound, err)
			continue
		}
		require.NoError(t, err, name)
	}
	before, err := w.Account(t.Context(), c["admin"], target)
	require.NoError(t, err)
	require.Equal(t, "viewer", before.Role)
	stale := before.Revision - 1
	_, err = w.UpdateAccount(t.Context(), c["admin"], target, wire.AccountPatch{Role: &operator, Revision: &stale})
	requireCode(t, core.CodeConflict, err)
	after, err := w.UpdateAccount(t.Context(), c["admin"], target, wire.AccountPatch{Role: &operator, Revision: &before.Revision})
	require.NoError(t, err)
	require.Equal(t, "operator", after.Role)
	require.Greater(t, after.Revision, before.Revision)

	name := "Vera"
	own, err := w.UpdateAccount(t.Context(), c["viewer"], target, wire.AccountPatch{DisplayName: &name})
	require.NoError(t, err, "one's own name is one's own")
	require.Equal(t, name, own.DisplayName)
	admin := c["admin"].UserID
	_, err = w.UpdateAccount(t.Context(), c["admin"], admin, wire.AccountPatch{Role: &viewer})
	requireCode(t, core.CodeConflict, err) // the last admin stays

	list, next, err := w.ListAccounts(t.Context(), c["admin"], wire.Slice{Limit: 2})
	require.NoError(t, err)
	require.Len(t, list, 2)
	require.NotEmpty(t, next)
	mine, _, err := w.ListAccounts(t.Context(), c["developer"], wire.Slice{})
	require.NoError(t, err)
	require.Len(t, mine, 1, "others' addresses are not theirs to see")
}
