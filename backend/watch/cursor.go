package watch

import (
	"errors"
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"
)

// cursor is a position in the WAL of one history (a database server and its timeline).
type cursor struct {
	history  string // as shortHistory gives it
	position uint64
}

// String is what clients keep; to them it has no inside.
func (c cursor) String() string { return fmt.Sprintf("%s-%x", c.history, c.position) }

var errCursor = errors.New("not a cursor")

func parseCursor(text string) (cursor, error) {
	history, position, ok := strings.Cut(text, "-")
	if !ok || len(history) != 16 || len(text) > 33 {
		return cursor{}, errCursor
	}
	n, err := strconv.ParseUint(position, 16, 64)
	if err != nil {
		return cursor{}, errCursor
	}
	return cursor{history: history, position: n}, nil
}

// shortHistory makes a history short and alike everywhere.
func shortHistory(history string) string {
	h := fnv.New64a()
	_, _ = h.Write([]byte(history)) // never fails
	return fmt.Sprintf("%016x", h.Sum64())
}
