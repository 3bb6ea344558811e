package api

import (
	"fmt"
	"net/http"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/backend/core"
)

func TestABucketEmptiesAndFills(t *testing.T) {
	t.Parallel()
	l, now := newLimiter[string](2, 4), time.Unix(1_000_000, 0)
	for left := 3; left >= 0; left-- {
		a := l.take("ada", now)
		assert.True(t, a.ok)
		assert.Equal(t, left, a.left)
	}
	a := l.take("ada", now)
	assert.False(t, a.ok)
	assert.Equal(t, 500*time.Millisecond, a.wait)
	assert.Equal(t, 2*time.Second, a.full)
	assert.True(t, l.take("bob", now).ok, "another's is another bucket")
	assert.True(t, l.take("ada", now.Add(500*time.Millisecond)).ok)
	assert.False(t, l.take("ada", now.Add(time.Nanosecond)).ok, "a clock that goes back gives nothing")
	assert.Equal(t, 3, l.take("ada", now.Add(time.Hour)).left, "it is never more than full")
}

// Whoever comes from many addresses does not fill the memory, and frees nobody who asks all the time.
func TestBucketsAreBounded(t *testing.T) {
	t.Parallel()
	l, now := newLimiter[int](1, 1), time.Unix(1_000_000, 0)
	require.True(t, l.take(-1, now).ok)
	for i := range 5 * maxBuckets {
		l.take(i, now)
		if i%1000 == 0 {
			require.False(t, l.take(-1, now).ok, "after %d others", i)
		}
		require.LessOrEqual(t, len(l.young)+len(l.aged), 2*maxBuckets)
	}
}

func TestUsersAndAddressesAreLimited(t *testing.T) {
	t.Parallel()
	for name, limits := range map[string]Limits{"user": {User: 0.4}, "address": {Address: 0.4}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := start(t, func(cfg *Config) { cfg.Limits = limits })
			for left := 1; left >= 0; left-- {
				a := w.do("GET", "/api/pods", nil)
				require.Equal(t, 200, a.status)
				assert.Equal(t, "2", a.header.Get("RateLimit-Limit"))
				assert.Equal(t, fmt.Sprint(left), a.header.Get("RateLimit-Remaining"))
			}
			a := w.do("GET", "/api/pods", nil)
			a.refused(t, http.StatusTooManyRequests, core.CodeRateLimited)
			assert.Contains(t, a.Error.Message, name)
			assert.Contains(t, []string{"1", "2", "3"}, a.header.Get("Retry-After"))
			assert.NotEmpty(t, a.header.Get("RateLimit-Reset"))
			assert.Equal(t, 200, w.do("GET", "/health", nil).status, "probes are let through")
		})
	}
}

func TestGuessingIsLimitedMoreStrictly(t *testing.T) {
	t.Parallel()
	w := start(t, func(cfg *Config) { cfg.Limits = Limits{Login: 2} })
	w.loginErr = core.Errorf(core.CodeUnauthenticated, "wrong")
	for range 2 {
		w.do("POST", "/auth/login", `{"email":"a@b.c","password":"guess"}`, anonymous).refused(t, 401, core.CodeUnauthenticated)
	}
	for _, path := range []string{"/auth/login", "/auth/register", "/auth/setup"} {
		w.do("POST", path, `{}`).refused(t, http.StatusTooManyRequests, core.CodeRateLimited)
	}
	assert.Equal(t, 200, w.do("GET", "/api/pods", nil).status)
	assert.Empty(t, w.do("GET", "/api/pods", nil).header.Get("RateLimit-Limit"), "where there is no bound none is told")
}

// A client cannot make itself another address; a proxy of ours can.
func TestForwardedAddresses(t *testing.T) {
	t.Parallel()
	forwarded := func(value string) option { return with("X-Forwarded-For", value) }
	stranger := start(t, func(cfg *Config) { cfg.Limits = Limits{Address: 0.2} })
	assert.Equal(t, 200, stranger.do("GET", "/api/info", nil, forwarded("203.0.113.1")).status)
	assert.Equal(t, 429, stranger.do("GET", "/api/info", nil, forwarded("203.0.113.2")).status, "not from whom we do not know")

	proxies, err := ParseProxies([]string{"127.0.0.1", "10.0.0.0/8"})
	require.NoError(t, err)
	w := start(t, func(cfg *Config) { cfg.Limits = Limits{Address: 0.2, Proxies: proxies} })
	for _, c := range []struct {
		forwarded string
		status    int
	}{
		{"203.0.113.1", 200}, {"203.0.113.1", 429}, {"203.0.113.2", 200},
		{"198.51.100.7, 203.0.113.1", 429},                           // what stands before the last hop anybody could have written
		{"203.0.113.2, 10.1.2.3", 429},                               // through two proxies of ours
		{"203.0.113.3, nonsense", 200}, {"nonsense", 429}, {"", 429}, // the proxy's own
		{"2001:db8::1", 200}, {"2001:db8::2", 429}, {"2001:db8:0:1::1", 200}, {"::ffff:203.0.113.1", 429},
	} {
		assert.Equal(t, c.status, w.do("GET", "/api/info", nil, forwarded(c.forwarded)).status, c.forwarded)
	}
}

func TestProxiesAreParsed(t *testing.T) {
	t.Parallel()
	proxies, err := ParseProxies([]string{"10.1.2.3/8", "::1"})
	require.NoError(t, err)
	assert.Equal(t, []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128")}, proxies)
	for _, bad := range []string{"proxy.example", "10.0.0.0/33", ""} {
		_, err := ParseProxies([]string{bad})
		assert.Error(t, err, bad)
	}
}
