package store

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/tests/fixture"
)

// Selectors, labels and env are objects of strings whoever writes them: a selector that is something else would select nothing or everything.
func TestMapsHoldNothingButStrings(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for value, good := range map[string]bool{
		`{}`: true, `{"a": "b", "c": ""}`: true, `{"a": 1}`: false, `{"a": null}`: false, `{"a": ["b"]}`: false, `{"a": []}`: false, `{"a": {"b": "c"}}`: false,
		`{"a": "b", "c": [["d"]]}`: false, `[]`: false, `["a"]`: false, `"a"`: false, `null`: false, `[{"a": "b"}]`: false,
	} {
		require.Equal(t, good, fixture.One[bool](t, w.pool, "select stark.is_string_map($1::jsonb)", value), value)
		_, err := w.pool.Exec(t.Context(), "insert into public.pods (pack_id, node_selector) values ($1, $2)", w.pack, value)
		require.Equal(t, good, err == nil, value)
	}
}
