package wire

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCursor(t *testing.T) {
	t.Parallel()
	assert.Empty(t, Cursor{}.String())
	zero, err := ParseCursor("")
	require.NoError(t, err)
	assert.True(t, zero.IsZero())
	for _, at := range []time.Time{time.UnixMicro(0), time.UnixMicro(1_700_000_000_123_456), time.Date(1, 1, 1, 0, 0, 0, 1000, time.UTC), time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)} {
		cursor := Cursor{CreatedAt: at.UTC(), ID: uuid.New()}
		text := cursor.String()
		assert.Equal(t, text, strings.Trim(text, "+/="), "safe in a URL")
		again, err := ParseCursor(text)
		require.NoError(t, err)
		assert.Equal(t, cursor, again)
	}
	far := base64.RawURLEncoding.EncodeToString(append([]byte{0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, make([]byte, 16)...))
	for _, bad := range []string{"x", "AAAA", far, Cursor{ID: uuid.New()}.String() + "A", "not base64!", strings.Repeat("A", 1<<16)} {
		_, err := ParseCursor(bad)
		require.Error(t, err, bad)
	}
}

func FuzzParseCursor(f *testing.F) {
	f.Add("")
	f.Add(Cursor{CreatedAt: time.UnixMicro(1).UTC(), ID: uuid.New()}.String())
	f.Fuzz(func(t *testing.T, text string) {
		cursor, err := ParseCursor(text)
		if err != nil || cursor.IsZero() {
			return
		}
		again, err := ParseCursor(cursor.String())
		require.NoError(t, err)
		require.Equal(t, cursor, again)
	})
}
