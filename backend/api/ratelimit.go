package api

import (
	"fmt"
	"math"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/google/uuid"

	"github.com/stark-o/stark/backend/core"
)

// Limits bound how often somebody may ask. A bound of 0 is none.
type Limits struct {
	User    float64 // requests a second of one user; five seconds' worth may come at once
	Address float64 // requests a second from one address, of whomever; likewise
	Login   float64 // tries a minute to log in, register or set up from one address; a minute's worth may come at once
	// Proxies are believed when they say for whom they ask (X-Forwarded-For). From anybody else the header is not read.
	Proxies []netip.Prefix
}

// maxBuckets bounds the memory of one bound: so many of who asked most recently are remembered, twice over.
const maxBuckets = 50_000

// limiter is a token bucket for each key.
type limiter[K comparable] struct {
	rate, burst float64 // tokens a second; tokens at most

	mu          sync.Mutex // guards what follows
	young, aged map[K]bucket
}

type bucket struct {
	tokens float64
	at     time.Time
}

// newLimiter is nil, which lets everything through, when there is no bound.
func newLimiter[K comparable](rate, burst float64) *limiter[K] {
	if rate <= 0 {
		return nil
	}
	return &limiter[K]{rate: rate, burst: max(burst, 1), young: map[K]bucket{}}
}

// allowance is what a bound says of one request.
type allowance struct {
	ok         bool
	burst      int
	left       int
	full, wait time.Duration // until all is there again; until the next request is let through
}

// take spends a token of key's. Who has not asked for long is forgotten, and begins with a full bucket, which theirs would be by then.
func (l *limiter[K]) take(key K, now time.Time) allowance {
	l.mu.Lock()
	defer l.mu.Unlock()
	b, known := l.young[key]
	if !known {
		if b, known = l.aged[key]; !known {
			b = bucket{tokens: l.burst, at: now}
		}
		if len(l.young) >= maxBuckets {
			l.young, l.aged = make(map[K]bucket, maxBuckets), l.young
		}
	}
	if passed := now.Sub(b.at).Seconds(); passed > 0 {
		b.tokens, b.at = min(l.burst, b.tokens+passed*l.rate), now
	}
	a := allowance{ok: b.tokens >= 1, burst: int(l.burst)}
	if a.ok {
		b.tokens--
	}
	a.left, a.full, a.wait = int(b.tokens), l.until(l.burst-b.tokens), l.until(1-b.tokens)
	l.young[key] = b
	return a
}

func (l *limiter[K]) until(tokens float64) time.Duration {
	return time.Duration(max(tokens, 0) / l.rate * float64(time.Second))
}

// limits are the bounds in force.
type limits struct {
	user           *limiter[uuid.UUID]
	address, login *limiter[netip.Addr]
	proxies        []netip.Prefix
}

func newLimits(cfg Limits) limits {
	return limits{
		user: newLimiter[uuid.UUID](cfg.User, 5*cfg.User), address: newLimiter[netip.Addr](cfg.Address, 5*cfg.Address),
		login: newLimiter[netip.Addr](cfg.Login/60, cfg.Login), proxies: cfg.Proxies,
	}
}

// limitAddress counts a request for the address it comes from. Probes are let through: a busy server is no dead one.
func (s *Server) limitAddress(c *fiber.Ctx) error {
	if path := c.Path(); path == "/health" || path == "/ready" {
		return c.Next()
	}
	if err := spend(c, s.limits.address, s.clientAddress(c), "from this address"); err != nil {
		return err
	}
	return c.Next()
}

// guessing bounds a route that takes secrets which could be guessed.
func (s *Server) guessing(handle fiber.Handler) fiber.Handler {
	return func(c *fiber.Ctx) error {
		if err := spend(c, s.limits.login, s.clientAddress(c), "to log in from this address"); err != nil {
			return err
		}
		return handle(c)
	}
}

// spend takes a token, and says in the answer what is left. The last bound that is asked is the one that the answer tells of: they go from wide to narrow.
func spend[K comparable](c *fiber.Ctx, l *limiter[K], key K, what string) error {
	if l == nil {
		return nil
	}
	a := l.take(key, time.Now())
	c.Set("RateLimit-Limit", strconv.Itoa(a.burst))
	c.Set("RateLimit-Remaining", strconv.Itoa(a.left))
	c.Set("RateLimit-Reset", seconds(a.full))
	if a.ok {
		return nil
	}
	c.Set(fiber.HeaderRetryAfter, seconds(a.wait))
	return core.Errorf(core.CodeRateLimited, "too many requests %s", what).WithHint("Wait as long as Retry-After says; many pods are made with one POST /api/pods/batch.")
}

// seconds are whole ones, rounded up: who waits for them waits long enough.
func seconds(d time.Duration) string { return strconv.Itoa(int(math.Ceil(d.Seconds()))) }

// clientAddress is who asks: the peer or, when that is a proxy of ours, the last address in X-Forwarded-For that is not. What stands before it anybody
// could have written. An IPv6 address counts as its /64, which is what one client has.
func (s *Server) clientAddress(c *fiber.Ctx) netip.Addr {
	address := peer(c)
	if len(s.limits.proxies) > 0 && s.isProxy(address) {
		hops := strings.Split(c.Get(fiber.HeaderXForwardedFor), ",")
		for i := len(hops) - 1; i >= 0; i-- {
			hop, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
			if err != nil {
				break // not what a proxy writes: the one who handed it on is as far as we know
			}
			if address = hop.Unmap().WithZone(""); !s.isProxy(address) {
				break
			}
		}
	}
	if address.Is6() {
		prefix, err := address.Prefix(64)
		if err == nil {
			return prefix.Addr()
		}
	}
	return address
}

func peer(c *fiber.Ctx) netip.Addr {
	address, _ := netip.AddrFromSlice(c.Context().RemoteIP()) // the zero address, one bucket for all, when it is no IP
	return address.Unmap()
}

func (s *Server) isProxy(address netip.Addr) bool {
	for _, p := range s.limits.proxies {
		if p.Contains(address) {
			return true
		}
	}
	return false
}

// ParseProxies reads addresses and networks ("10.0.0.0/8", "127.0.0.1"). Errors: one that is neither, by its text.
func ParseProxies(list []string) (proxies []netip.Prefix, err error) {
	for _, text := range list {
		if address, err := netip.ParseAddr(text); err == nil {
			proxies = append(proxies, netip.PrefixFrom(address.Unmap(), address.Unmap().BitLen()))
			continue
		}
		prefix, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, fmt.Errorf("%q is no address and no network like 10.0.0.0/8", text)
		}
		proxies = append(proxies, prefix.Masked())
	}
	return proxies, nil
}
