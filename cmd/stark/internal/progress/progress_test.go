package progress_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/stark-o/stark/cmd/stark/internal/progress"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func clock() func() time.Time {
	at := time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC)
	return func() time.Time { at = at.Add(250 * time.Millisecond); return at }
}

func TestPlainLines(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	bar := progress.New(&b, false, "hello@1.0.0", 12<<10, clock())
	bar.Set(100)
	bar.Finish(true)
	require.Equal(t, "uploading hello@1.0.0 (12 KiB)\nuploaded hello@1.0.0 in 250ms\n", b.String())
}

func TestFailureClaimsNothing(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	progress.New(&b, false, "hello@1.0.0", 10, clock()).Finish(false)
	require.NotContains(t, b.String(), "uploaded")
}

func TestDrawnBarEndsFullAndLeavesNoGoroutine(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	bar := progress.New(&b, true, "hello@1.0.0", 2048, clock())
	bar.Set(1024)
	bar.Set(5000) // more than announced is not more than all
	bar.Finish(true)
	bar.Finish(true)
	require.Contains(t, b.String(), "uploading hello@1.0.0")
	require.Contains(t, b.String(), "100 %")
}

func TestAbortedBarEnds(t *testing.T) {
	t.Parallel()
	for _, done := range []int64{0, 10, 2048} {
		bar := progress.New(&bytes.Buffer{}, true, "hello@1.0.0", 2048, clock())
		bar.Set(done)
		bar.Finish(false)
	}
}
