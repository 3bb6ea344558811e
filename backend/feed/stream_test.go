package feed

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/backend/core"
)

func configRelation(id uint32) []byte {
	return relationMessage(id, "public", "cluster_config", "key", "value")
}

func TestAssembleATransaction(t *testing.T) {
	t.Parallel()
	a := newAssembler()
	changes := feedAll(t, a, beginMessage(), configRelation(7), insertMessage(7, texts("a", "1")), updateMessage(7, texts("a", "2")),
		deleteMessage(7, texts("a", null)), commitMessage(99))
	require.Equal(t, &core.Changes{
		Events: []core.Event{
			core.ConfigUpserted{Key: "a", Value: []byte("1")}, core.ConfigUpserted{Key: "a", Value: []byte("2")}, core.ConfigDeleted{Key: "a"},
		},
		Position: 99, CommitTime: time.Date(2000, 1, 2, 0, 0, 0, 0, time.UTC),
	}, changes)

	// The relation is announced once a connection; the next transaction starts empty.
	changes = feedAll(t, a, beginMessage(), insertMessage(7, texts("b", "1")), commitMessage(100))
	require.Equal(t, []core.Event{core.ConfigUpserted{Key: "b", Value: []byte("1")}}, changes.Events)
	require.EqualValues(t, 100, changes.Position)
}

func TestAssembleIgnoresTablesItDoesNotKnow(t *testing.T) {
	t.Parallel()
	changes := feedAll(t, newAssembler(), beginMessage(),
		relationMessage(1, "public", "diary", "secret"), insertMessage(1, texts("x")), updateKeyMessage(1, texts("x"), texts("y")),
		relationMessage(2, "other", "pods", "id"), insertMessage(2, texts("no uuid")), deleteMessage(2, texts("x")), truncateMessage(1, 2),
		append([]byte{'O'}, append(make([]byte, 8), "origin\x00"...)...), append([]byte{'Y'}, append(make([]byte, 4), "public\x00t\x00"...)...),
		commitMessage(5))
	require.Empty(t, changes.Events)
	require.EqualValues(t, 5, changes.Position)
}

func TestAssembleAsksForANewListing(t *testing.T) {
	t.Parallel()
	for name, message := range map[string][]byte{
		"truncate":           truncateMessage(3, 7),
		"truncate not known": truncateMessage(8),
		"key changed":        updateKeyMessage(7, texts("a", null), texts("b", unchanged)),
		"key left out":       updateMessage(7, texts(unchanged, "1")),
	} {
		a := newAssembler()
		feedAll(t, a, beginMessage(), configRelation(7), relationMessage(3, "public", "diary", "x"))
		_, err := a.message(message)
		require.ErrorIs(t, err, errRelist, name)
	}
}

func TestAssembleRefusesNonsense(t *testing.T) {
	t.Parallel()
	binary := insertMessage(7, texts("a", "1"))
	binary[8] = 'b'
	noRow := append([]byte{'U'}, 0, 0, 0, 7, 'X')
	for name, c := range map[string]struct {
		message []byte
		want    string
	}{
		"not announced":  {insertMessage(8, texts("a", "1")), "relation 8 that was not announced"},
		"binary":         {binary, "column format"},
		"other columns":  {insertMessage(7, texts("a")), "1 columns, expected 2"},
		"empty":          {nil, "empty message"},
		"unknown type":   {[]byte("?"), "parse"},
		"cut short":      {insertMessage(7, texts("a", "1"))[:12], "malformed message"},
		"no row":         {noRow, "parse"},
		"schema changed": {relationMessage(7, "public", "cluster_config", "key"), "lacks column value"},
	} {
		a := newAssembler()
		feedAll(t, a, beginMessage(), configRelation(7))
		_, err := a.message(c.message)
		require.ErrorContains(t, err, c.want, name)
	}
}
