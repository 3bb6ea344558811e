package progress_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/cmd/stark/internal/progress"
)

func TestLine(t *testing.T) {
	t.Parallel()
	var plain, drawn bytes.Buffer
	for _, l := range []*progress.Line{{W: &plain}, {W: &drawn, Terminal: true}} {
		l.Tell("1 of 2", 1, 2)
		l.Tell("1 of 2", 1, 2)
		l.Tell("more than all", 3, 2)
		l.Tell("of nothing", 0, 0)
		l.Clear()
		l.Clear()
	}
	require.Equal(t, "1 of 2\nmore than all\nof nothing\n", plain.String())
	half, all := strings.Repeat("█", 10)+strings.Repeat(" ", 10), strings.Repeat("█", 20)
	require.Equal(t, "\r\x1b[K|"+half+"| 1 of 2\r\x1b[K|"+all+"| more than all\r\x1b[Kof nothing\r\x1b[K", drawn.String())
}
