package api

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/backend/core"
)

// protected is every route that needs a caller.
var protected = []struct{ method, path string }{
	{"GET", "/auth/whoami"}, {"POST", "/auth/logout"}, {"POST", "/auth/setup"},
	{"GET", "/api/users"}, {"GET", "/api/users/" + someID.String()}, {"PATCH", "/api/users/" + someID.String()},
	{"POST", "/api/packs"}, {"GET", "/api/packs"}, {"GET", "/api/packs/" + someID.String()}, {"DELETE", "/api/packs/" + someID.String()},
	{"PATCH", "/api/packs/" + someID.String()},
	{"POST", "/api/pods"}, {"GET", "/api/pods"}, {"GET", "/api/pods/" + someID.String()}, {"DELETE", "/api/pods/" + someID.String()},
	{"POST", "/api/pods/" + someID.String() + "/stop"}, {"GET", "/api/pods/" + someID.String() + "/history"},
	{"GET", "/api/pods/" + someID.String() + "/logs"}, {"GET", "/api/pods/" + someID.String() + "/explain"},
	{"POST", "/api/nodes"}, {"GET", "/api/nodes"}, {"GET", "/api/nodes/one"}, {"DELETE", "/api/nodes/one"},
	{"PATCH", "/api/nodes/one"}, {"POST", "/api/nodes/one/cordon"}, {"POST", "/api/nodes/one/uncordon"}, {"POST", "/api/nodes/one/drain"},
	{"POST", "/api/namespaces"}, {"GET", "/api/namespaces"}, {"GET", "/api/namespaces/one"}, {"DELETE", "/api/namespaces/one"},
	{"POST", "/api/deployments"}, {"GET", "/api/deployments"}, {"GET", "/api/deployments/" + someID.String()}, {"PATCH", "/api/deployments/" + someID.String()},
	{"DELETE", "/api/deployments/" + someID.String()}, {"GET", "/api/deployments/" + someID.String() + "/revisions"},
	{"POST", "/api/deployments/" + someID.String() + "/scale"}, {"POST", "/api/deployments/" + someID.String() + "/pause"},
	{"POST", "/api/deployments/" + someID.String() + "/resume"}, {"POST", "/api/deployments/" + someID.String() + "/rollback"},
	{"POST", "/api/pods/batch"}, {"PATCH", "/api/pods/" + someID.String()}, {"GET", "/api/pods/" + someID.String() + "/status"},
	{"POST", "/api/pods/" + someID.String() + "/rollback"}, {"PATCH", "/api/namespaces/one"},
	{"POST", "/api/priorityclasses"}, {"GET", "/api/priorityclasses"}, {"GET", "/api/priorityclasses/one"}, {"PATCH", "/api/priorityclasses/one"},
	{"DELETE", "/api/priorityclasses/one"}, {"GET", "/api/config"}, {"GET", "/api/config/heartbeat.timeoutMs"}, {"PUT", "/api/config/heartbeat.timeoutMs"},
	{"DELETE", "/api/config/heartbeat.timeoutMs"}, {"GET", "/api/events"},
	{"GET", "/api/watch"}, {"POST", "/api/plan"},
}

// bodies that the POST and PATCH routes take.
var bodies = map[string]string{
	"/api/packs": fmt.Sprintf(`{"name":"hello","version":"1.0.0","runtimeTag":"node","bundlePath":"%s/hello/1.0.0/b.js"}`, developer),
	"/api/pods":  `{"pack":"hello"}`, "/api/nodes": `{"name":"n1","runtimeType":"node"}`, "/api/namespaces": `{"name":"team-a"}`,
	"/auth/setup": `{"token":"stark_setup_x"}`, "/api/users/" + someID.String(): `{"role":"viewer"}`,
	"/api/packs/" + someID.String(): `{"visibility":"public"}`,
	"/api/pods/batch":               `{"pods":[{"pack":"hello"}]}`, "/api/pods/" + someID.String(): `{"labels":{"a":"b"}}`, "/api/namespaces/one": `{"labels":{"a":"b"}}`,
	"/api/priorityclasses": `{"name":"urgent","value":5}`, "/api/priorityclasses/one": `{"description":"x"}`, "/api/config/heartbeat.timeoutMs": `{"value":40000}`,
	"/api/deployments": `{"name":"web","pack":"hello"}`, "/api/deployments/" + someID.String(): `{"replicas":2}`,
	"/api/deployments/" + someID.String() + "/scale": `{"replicas":2}`, "/api/deployments/" + someID.String() + "/rollback": `{"generation":1}`,
	"/api/plan": `{"drain":["one"]}`, "/api/nodes/one": `{"unschedulable":true}`, "/api/nodes/one/drain": `{"timeoutSeconds":60}`,
}

func TestEveryRouteOfOursIsListedHere(t *testing.T) {
	t.Parallel()
	w := start(t)
	known := map[string]bool{"GET /health": true, "GET /ready": true, "GET /ws": true, "POST /auth/login": true, "POST /auth/register": true, "POST /auth/refresh": true, "GET /api/info": true}
	for _, r := range protected {
		known[r.method+" "+r.path] = true
	}
	pattern := strings.NewReplacer("/api/nodes/:id", "/api/nodes/one", ":key", "heartbeat.timeoutMs", ":id", someID.String(), ":name", "one")
	for _, path := range append([]string{"/openapi.json", "/docs", "/docs/page.css"}, agentPaths...) {
		known["GET "+path] = true
	}
	for _, r := range w.srv.app.GetRoutes(true) {
		if r.Method == "HEAD" {
			continue
		}
		path := pattern.Replace(r.Path)
		if len(path) > 1 {
			path = strings.TrimSuffix(path, "/")
		}
		assert.True(t, known[r.Method+" "+path], "%s %s has no row in `protected`", r.Method, r.Path)
	}
}

func TestWithoutAGoodTokenNothingIsServed(t *testing.T) {
	t.Parallel()
	w := start(t)
	for _, r := range protected {
		for name, header := range map[string]string{
			"none": "", "empty": "Bearer ", "another scheme": "Basic " + goodToken, "no scheme": goodToken, "wrong": "Bearer wrong",
		} {
			a := w.do(r.method, r.path, nil, with("Authorization", header))
			a.refused(t, http.StatusUnauthorized, core.CodeUnauthenticated)
			assert.Equal(t, `Bearer realm="stark"`, a.header.Get("WWW-Authenticate"), "%s %s, %s", r.method, r.path, name)
		}
	}
	assert.Empty(t, w.actors, "the store was never asked")
	w.verifyErr = core.Errorf(core.CodeUnavailable, "tokens cannot be checked right now")
	a := w.do("GET", "/auth/whoami", nil)
	a.refused(t, http.StatusServiceUnavailable, core.CodeUnavailable)
	assert.NotEmpty(t, a.header.Get("Retry-After"))
}

// Whatever the database says reaches the caller as the status of the table, on every route.
func TestTheStoresRefusalsAreAnswered(t *testing.T) {
	t.Parallel()
	secret := errors.New("password=hunter22 in column users.secret")
	for code, status := range statuses {
		t.Run(string(code), func(t *testing.T) {
			t.Parallel()
			w := start(t)
			w.object = []byte("x")
			for _, r := range protected {
				w.err = core.Errorf(code, "said by the store").WithCause(secret)
				var body any
				if b, has := bodies[r.path]; has && (r.method == "POST" || r.method == "PATCH" || r.method == "PUT") {
					body = b
				}
				a := w.do(r.method, r.path, body)
				a.refused(t, status, code)
				assert.NotContains(t, a.body, "hunter22", "%s %s", r.method, r.path)
			}
			assert.Contains(t, w.logs.String(), "hunter22", "the cause is logged")
		})
	}
}

func TestEveryCodeHasAStatus(t *testing.T) {
	t.Parallel()
	for _, code := range []core.Code{
		core.CodeValidation, core.CodeUnauthenticated, core.CodeForbidden, core.CodeNotFound, core.CodeConflict, core.CodeQuota, core.CodeTooLarge,
		core.CodeUnsupported, core.CodeMethod, core.CodeRateLimited, core.CodeUnavailable, core.CodeInternal,
	} {
		assert.GreaterOrEqual(t, statuses[code], 400, code)
	}
	public, status := publicError(core.Errorf("SOMETHING_NEW", "private"))
	assert.Equal(t, 500, status)
	assert.Equal(t, core.CodeInternal, public.Code)
	assert.NotContains(t, public.Message, "private")
	_, status = publicError(fmt.Errorf("query: %w", context.DeadlineExceeded))
	assert.Equal(t, 503, status)
}

func TestInternalErrorsKeepToThemselves(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.err = errors.New("pq: relation secret_table does not exist")
	a := w.do("GET", "/auth/whoami", nil, with("X-Correlation-ID", "trace-7"))
	a.refused(t, http.StatusInternalServerError, core.CodeInternal)
	assert.NotContains(t, a.body, "secret_table")
	assert.Equal(t, "trace-7", a.Error.CorrelationID)
	assert.Equal(t, 1, strings.Count(w.logs.String(), "secret_table"), "logged once")
	assert.Contains(t, w.logs.String(), "correlation_id=trace-7")

	w.panics = true
	a = w.do("GET", "/auth/whoami", nil)
	a.refused(t, http.StatusInternalServerError, core.CodeInternal)
	assert.NotContains(t, a.body, "fell over")
	assert.Contains(t, w.logs.String(), "the store fell over")
}

func TestBadBodies(t *testing.T) {
	t.Parallel()
	w := start(t)
	cases := map[string]struct {
		body  string
		field string
	}{
		"empty":            {"", ""},
		"blank":            {"  \n", ""},
		"not JSON":         {"hello", ""},
		"cut off":          {`{"name":`, ""},
		"a list":           {`[]`, ""},
		"null":             {`null`, ""},
		"trailing object":  {`{"name":"a"}{"name":"b"}`, ""},
		"trailing garbage": {`{"name":"a"} x`, ""},
		"unknown field":    {`{"name":"a","nick":"b"}`, "nick"},
		"another type":     {`{"name":7}`, "name"},
		"nested type":      {`{"name":"a","resourceQuota":{"maxPods":"many"}}`, "resourceQuota.maxPods"},
		"fraction":         {`{"name":"a","resourceQuota":{"maxPods":1.5}}`, "resourceQuota.maxPods"},
		"labels no object": {`{"name":"a","labels":[1]}`, "labels"},
		"very deep":        {`{"labels":` + strings.Repeat("[", 50_000), ""},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := w.do("POST", "/api/namespaces", tc.body)
			a.refused(t, http.StatusBadRequest, core.CodeValidation)
			assert.Equal(t, tc.field, a.Error.Field, a.body)
		})
	}
	for name, header := range map[string]option{
		"no type": with("Content-Type", ""), "a form": with("Content-Type", "application/x-www-form-urlencoded"),
		"text": with("Content-Type", "text/plain"), "compressed": with("Content-Encoding", "gzip"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w.do("POST", "/api/namespaces", `{"name":"a"}`, header).refused(t, http.StatusUnsupportedMediaType, core.CodeUnsupported)
		})
	}
	assert.Equal(t, 201, w.do("POST", "/api/namespaces", `{"name":"a"}`, with("Content-Type", "application/json; charset=utf-8")).status)
}

// The client reads our answer and not "connection reset", although it has not sent everything yet.
func TestBodiesOverTheLimit(t *testing.T) {
	t.Parallel()
	w := start(t)
	huge := `{"name":"` + strings.Repeat("a", 10<<20) + `"}`
	for name, body := range map[string]func() io.Reader{
		"with a length": func() io.Reader { return strings.NewReader(huge) },
		"in chunks":     func() io.Reader { return io.MultiReader(strings.NewReader(huge)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for range 5 {
				req, err := http.NewRequestWithContext(t.Context(), "POST", w.url+"/api/namespaces", body())
				require.NoError(t, err)
				req.Header.Set("Authorization", "Bearer "+goodToken)
				req.Header.Set("Content-Type", "application/json")
				req.Header.Set("X-Correlation-ID", "big")
				resp, err := w.http.Do(req)
				require.NoError(t, err)
				raw, err := io.ReadAll(resp.Body)
				require.NoError(t, err)
				require.NoError(t, resp.Body.Close())
				assert.Equal(t, http.StatusRequestEntityTooLarge, resp.StatusCode)
				assert.Contains(t, string(raw), `"code":"PAYLOAD_TOO_LARGE"`)
				id := "big"
				if name == "in chunks" {
					// fasthttp has forgotten the headers by the time it finds a body of unknown length too long: the id is a new one.
					id = resp.Header.Get("X-Correlation-ID")
					require.NotEmpty(t, id)
				}
				assert.Contains(t, string(raw), `"correlationId":"`+id+`"`)
				assert.Equal(t, "nosniff", resp.Header.Get("X-Content-Type-Options"))
			}
		})
	}
	assert.Nil(t, w.got("namespace"))
}

// A client that sends everything before it reads, as many do, sees the answer too.
func TestAStubbornClientSeesTheRefusal(t *testing.T) {
	t.Parallel()
	w := start(t)
	conn, err := net.Dial("tcp", strings.TrimPrefix(w.url, "http://"))
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, conn.SetDeadline(time.Now().Add(10*time.Second)))
	_, err = fmt.Fprintf(conn, "POST /api/namespaces HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n", 10<<20)
	require.NoError(t, err)
	_, err = conn.Write(make([]byte, 10<<20))
	require.NoError(t, err)
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(t, err)
	defer resp.Body.Close()
	assert.Equal(t, http.StatusRequestEntityTooLarge, resp.StatusCode)
}

func TestWhatIsNotHTTP(t *testing.T) {
	t.Parallel()
	w := start(t)
	for name, tc := range map[string]struct {
		request string
		status  int
	}{
		"garbage":       {"hello\r\n\r\n", 400},
		"huge headers":  {"GET /health HTTP/1.1\r\nHost: x\r\nX-Big: " + strings.Repeat("a", 64<<10) + "\r\n\r\n", 413},
		"odd length":    {"POST /api/pods HTTP/1.1\r\nHost: x\r\nContent-Length: many\r\n\r\n", 400},
		"unknown verb":  {"BREW /health HTTP/1.1\r\nHost: x\r\n\r\n", 405},
		"absolute path": {"GET http://x/nowhere HTTP/1.1\r\nHost: x\r\n\r\n", 404},
	} {
		conn, err := net.Dial("tcp", strings.TrimPrefix(w.url, "http://"))
		require.NoError(t, err)
		require.NoError(t, conn.SetDeadline(time.Now().Add(10*time.Second)))
		_, err = io.WriteString(conn, tc.request)
		require.NoError(t, err)
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		require.NoError(t, err, name)
		raw, err := io.ReadAll(io.LimitReader(resp.Body, 1000))
		if err != nil {
			require.ErrorIs(t, err, io.ErrUnexpectedEOF, name)
		}
		assert.Equal(t, tc.status, resp.StatusCode, "%s: %s", name, raw)
		assert.Contains(t, string(raw), `"success":false`, "%s: it is the envelope all the same", name)
		assert.NotContains(t, string(raw), "aaaa")
		require.NoError(t, conn.Close())
	}
}

func TestUnknownRoutes(t *testing.T) {
	t.Parallel()
	w := start(t)
	for _, path := range []string{"/", "/api", "/api/nothing", "/api/pods/" + someID.String() + "/explode", "/API/pods", "/auth", "/..%2f..%2fetc"} {
		w.do("GET", path, nil).refused(t, http.StatusNotFound, core.CodeNotFound)
		w.do("GET", path, nil, anonymous).refused(t, http.StatusNotFound, core.CodeNotFound)
	}
	a := w.do("PUT", "/api/pods", `{}`)
	a.refused(t, http.StatusMethodNotAllowed, core.CodeMethod)
	assert.Contains(t, a.header.Get("Allow"), "POST")
	w.do("DELETE", "/auth/login", nil).refused(t, http.StatusMethodNotAllowed, core.CodeMethod)
	w.do("GET", "/ws", nil).refused(t, http.StatusBadRequest, core.CodeValidation)
}
