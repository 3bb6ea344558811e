package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestMediansAreReportedAndKept(t *testing.T) {
	t.Parallel()
	values := []float64{3, 1, 2}
	suite := New()
	suite.Register("a.b", func(_ context.Context, r *Run) error {
		require.Equal(t, 7, r.Int("nodes", 1))
		require.Equal(t, []int{1, 2}, r.Ints("list", 9))
		require.Equal(t, []int{9}, r.Ints("other", 9))
		require.Equal(t, []string{"x", "y"}, r.Strings("words"))
		r.Report(Params{"n": 1}, "speed", values[0], "1/s")
		r.Report(Params{"n": 2}, "speed", 10, "1/s")
		values = values[1:]
		return nil
	})
	var out, progress bytes.Buffer
	file := filepath.Join(t.TempDir(), "below", "results.jsonl")
	cfg := Config{Out: &out, Progress: &progress, File: file, Set: map[string]string{"nodes": "7", "list": "1, 2", "words": "x,y"}}
	require.NoError(t, suite.Execute(t.Context(), cfg, "a"))
	require.Equal(t, `{"bench":"a.b","params":{"n":1},"metric":"speed","value":2,"unit":"1/s"}
{"bench":"a.b","params":{"n":2},"metric":"speed","value":10,"unit":"1/s"}
`, out.String())
	kept, err := os.ReadFile(file)
	require.NoError(t, err)
	var first struct {
		Value       float64
		Repetitions []float64
	}
	require.NoError(t, json.Unmarshal([]byte(strings.SplitN(string(kept), "\n", 2)[0]), &first))
	require.Equal(t, 2.0, first.Value)
	require.Equal(t, []float64{3, 1, 2}, first.Repetitions)
}

func TestFailuresAreReported(t *testing.T) {
	t.Parallel()
	odd := errors.New("odd")
	ran := false
	suite := New()
	suite.Register("bad", func(context.Context, *Run) error { return odd })
	suite.Register("good", func(_ context.Context, r *Run) error { ran = true; r.Int("n", 1); return nil })
	var out bytes.Buffer
	cfg := Config{Out: &out, Progress: &out, Set: map[string]string{"n": "many"}}
	err := suite.Execute(t.Context(), cfg)
	require.ErrorIs(t, err, odd)
	require.ErrorContains(t, err, "-set n=many")
	require.True(t, ran, "one that fails does not keep the others from running")
	require.ErrorContains(t, suite.Execute(t.Context(), cfg, "nothing"), `there is no benchmark "nothing"; there are: bad, good`)
	require.Panics(t, func() { suite.Register("good", func(context.Context, *Run) error { return nil }) })
}

func TestPercentiles(t *testing.T) {
	t.Parallel()
	require.Zero(t, Percentile(nil, 0.5))
	all := make([]time.Duration, 100)
	for i := range all {
		all[i] = time.Duration(i + 1)
	}
	require.EqualValues(t, 50, Percentile(all, 0.5))
	require.EqualValues(t, 99, Percentile(all, 0.99))
	require.EqualValues(t, 100, Percentile(all, 1))
	require.EqualValues(t, 1, Percentile(all, 0))
	require.Zero(t, Median(nil))
	require.Equal(t, 1.5, Median([]float64{2, 1}))
}
