package storage_test

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"io"
	"net/http"
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/supabase/local/storage"
)

// heapWatch remembers the largest heap that it was shown.
type heapWatch struct{ peak atomic.Uint64 }

func (h *heapWatch) look() {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	for {
		seen := h.peak.Load()
		if m.HeapAlloc <= seen || h.peak.CompareAndSwap(seen, m.HeapAlloc) {
			return
		}
	}
}

// watched looks at the heap once in every 8 MiB that pass through it.
type watched struct {
	io.Reader
	heap    *heapWatch
	pending int
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.Reader.Read(p)
	if w.pending += n; w.pending >= 8<<20 {
		w.pending = 0
		w.heap.look()
	}
	return n, err
}

// 200 MiB go in and out, and the heap stays under a tenth of that. Not parallel: other tests would be measured, too.
func TestStreamsInConstantMemory(t *testing.T) {
	const size, bound = 200 << 20, 20 << 20
	w := newWorld(t, func(c *storage.Config) { c.MaxFileSize = size })
	runtime.GC()
	var before runtime.MemStats
	runtime.ReadMemStats(&before)
	heap := &heapWatch{}

	for name, declared := range map[string]int64{"declared": size, "chunked": -1} {
		sum := md5.New()
		body := io.TeeReader(&watched{Reader: io.LimitReader(&pattern{}, size), heap: heap}, sum)
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.url+"/object/docs/"+name, body)
		require.NoError(t, err)
		req.ContentLength = declared
		req.Header.Set("Authorization", "Bearer "+w.service.token)
		res, err := w.client.Do(req)
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, res.StatusCode)
		require.NoError(t, res.Body.Close())
		sent := hex.EncodeToString(sum.Sum(nil))

		req, err = http.NewRequestWithContext(context.WithoutCancel(t.Context()), http.MethodGet, w.url+"/object/docs/"+name, nil)
		require.NoError(t, err)
		req.Header.Set("Authorization", "Bearer "+w.service.token)
		res, err = w.client.Do(req)
		require.NoError(t, err)
		require.EqualValues(t, size, res.ContentLength)
		sum = md5.New()
		n, err := io.Copy(sum, &watched{Reader: res.Body, heap: heap})
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		require.EqualValues(t, size, n)
		require.Equal(t, sent, hex.EncodeToString(sum.Sum(nil)), "%s: what comes out is what went in", name)
		require.Equal(t, `"`+sent+`"`, res.Header.Get("ETag"))
	}
	t.Logf("%d bytes of heap at the most, %d at rest", heap.peak.Load(), before.HeapAlloc)
	require.NotZero(t, heap.peak.Load())
	require.Less(t, int64(heap.peak.Load())-int64(before.HeapAlloc), int64(bound), "bytes of heap above %d at rest", before.HeapAlloc)
}
