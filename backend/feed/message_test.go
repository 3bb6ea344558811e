package feed

import (
	"encoding/binary"

	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/backend/core"
)

// Encoders of pgoutput messages, from "Logical Replication Message Formats".

func beginMessage() []byte {
	m := append([]byte{'B'}, make([]byte, 20)...)
	binary.BigEndian.PutUint64(m[9:], 86_400_000_000) // 2000-01-02
	return m
}

func commitMessage(end uint64) []byte {
	m := append([]byte{'C'}, make([]byte, 25)...)
	binary.BigEndian.PutUint64(m[10:], end)
	return m
}

func relationMessage(id uint32, schema, name string, columns ...string) []byte {
	m := binary.BigEndian.AppendUint32([]byte{'R'}, id)
	m = append(append(append(append(m, schema...), 0), name...), 0, 'd')
	m = binary.BigEndian.AppendUint16(m, uint16(len(columns)))
	for _, c := range columns {
		m = append(append(append(m, 1), c...), 0)
		m = append(m, make([]byte, 8)...)
	}
	return m
}

func tupleOf(cells []cell) []byte {
	m := binary.BigEndian.AppendUint16(nil, uint16(len(cells)))
	for _, c := range cells {
		switch {
		case c.unchanged:
			m = append(m, 'u')
		case c.text == nil:
			m = append(m, 'n')
		default:
			m = binary.BigEndian.AppendUint32(append(m, 't'), uint32(len(c.text)))
			m = append(m, c.text...)
		}
	}
	return m
}

func rowMessage(kind byte, id uint32, tupleKind byte, cells []cell) []byte {
	m := append(binary.BigEndian.AppendUint32([]byte{kind}, id), tupleKind)
	return append(m, tupleOf(cells)...)
}

func insertMessage(id uint32, cells []cell) []byte { return rowMessage('I', id, 'N', cells) }
func updateMessage(id uint32, cells []cell) []byte { return rowMessage('U', id, 'N', cells) }
func deleteMessage(id uint32, key []cell) []byte   { return rowMessage('D', id, 'K', key) }

func updateKeyMessage(id uint32, key, cells []cell) []byte {
	return append(append(rowMessage('U', id, 'K', key), 'N'), tupleOf(cells)...)
}

func truncateMessage(ids ...uint32) []byte {
	m := append(binary.BigEndian.AppendUint32([]byte{'T'}, uint32(len(ids))), 0)
	for _, id := range ids {
		m = binary.BigEndian.AppendUint32(m, id)
	}
	return m
}

// texts makes cells of values; null and unchanged stand for themselves.
func texts(values ...string) []cell {
	cells := make([]cell, len(values))
	for i, v := range values {
		switch v {
		case null:
		case unchanged:
			cells[i].unchanged = true
		default:
			cells[i].text = []byte(v)
		}
	}
	return cells
}

const (
	null      = "\x00"
	unchanged = "\x01"
)

// feedAll gives messages to an assembler and returns the last transaction.
func feedAll(t require.TestingT, a *assembler, messages ...[]byte) *core.Changes {
	var last *core.Changes
	for _, m := range messages {
		changes, err := a.message(m)
		require.NoError(t, err)
		if changes != nil {
			last = changes
		}
	}
	return last
}
