package api

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/backend/core"
)

// isPage says of routes that they serve files of a page, and are no part of the API.
func isPage(path string) bool {
	return path == "/" || path == "/docs/page.css" || strings.HasPrefix(path, "/console") || strings.HasPrefix(path, "/agent")
}

func TestEveryRouteIsDocumented(t *testing.T) {
	t.Parallel()
	w := start(t)
	mounted, documented := map[string]bool{}, map[string]bool{}
	for _, op := range operations {
		assert.False(t, documented[op.route], "%s is documented twice", op.route)
		documented[op.route] = true
	}
	for _, r := range w.srv.app.GetRoutes(true) {
		path := r.Path
		if len(path) > 1 {
			path = strings.TrimSuffix(path, "/")
		}
		if r.Method == http.MethodHead || isPage(path) {
			continue
		}
		route := r.Method + " " + path
		mounted[route] = true
		assert.True(t, documented[route], "%s is not documented. Add to `operations` in backend/api/operations.go:\n"+
			"\t{route: %q, summary: \"what it does\", body: wire.X{}, data: wire.Y{}, refuses: changing},", route, route)
	}
	for route := range documented {
		assert.True(t, mounted[route], "%s is in `operations` (backend/api/operations.go) and is not mounted", route)
	}
}

// described is /openapi.json, as a validator.
func described(t *testing.T, w *world) validator.Validator {
	t.Helper()
	a := w.do("GET", "/openapi.json", nil, anonymous)
	require.Equal(t, 200, a.status)
	doc, err := libopenapi.NewDocument([]byte(a.body))
	require.NoError(t, err)
	v, errs := validator.NewValidator(doc)
	require.Empty(t, errs)
	return v
}

func TestTheDocumentIsOpenAPI(t *testing.T) {
	t.Parallel()
	w := start(t)
	valid, errs := described(t, w).ValidateDocument()
	for _, e := range errs {
		t.Errorf("%s: %s %v", e.Message, e.Reason, e.SchemaValidationErrors)
	}
	assert.True(t, valid)
}

// sample is a request that this route takes.
func sample(t *testing.T, op operation) (method, path string, body any) {
	t.Helper()
	method, path, _ = strings.Cut(op.route, " ")
	path = strings.NewReplacer("/api/nodes/:id", "/api/nodes/one", ":key", "heartbeat.timeoutMs", ":id", someID.String(), ":name", "one").Replace(path)
	if op.body == nil {
		return method, path, nil
	}
	if strings.HasPrefix(path, "/auth/log") || path == "/auth/register" {
		return method, path, `{"email":"ada@example.com","password":"correct horse"}`
	}
	if path == "/auth/refresh" {
		return method, path, `{"refreshToken":"rt"}`
	}
	known, has := bodies[path]
	if !has && op.optional {
		known, has = `{}`, true
	}
	require.True(t, has, "%s takes a body: add one that is good to `bodies` in refusals_test.go", op.route)
	return method, path, known
}

// Each refusal that is documented is made to happen, and is answered as it is described.
func TestEveryDocumentedRefusalHappens(t *testing.T) {
	t.Parallel()
	check := described(t, start(t)) // before any load: it reads the whole document
	for _, op := range operations {
		t.Run(op.route, func(t *testing.T) {
			t.Parallel()
			for _, code := range op.refusals() {
				w := start(t, func(cfg *Config) {
					if code == core.CodeRateLimited {
						cfg.Limits = Limits{Address: 0.2}
					}
				})
				w.object = []byte("x")
				a := provoke(t, w, op, code)
				a.refused(t, statuses[code], code)
				method, path, _ := sample(t, op)
				conforms(t, check, method, path, a)
			}
		})
	}
}

// conforms holds an answer against the document.
func conforms(t *testing.T, check validator.Validator, method, path string, a answer) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, "http://stark.example"+path, nil)
	require.NoError(t, err)
	valid, errs := check.ValidateHttpResponse(req, &http.Response{StatusCode: a.status, Header: a.header, Body: io.NopCloser(bytes.NewReader([]byte(a.body)))})
	for _, e := range errs {
		t.Errorf("%s %s → %d: %s: %s\n%s", method, path, a.status, e.Message, e.Reason, a.body)
	}
	assert.True(t, valid)
}

func provoke(t *testing.T, w *world, op operation, code core.Code) answer {
	t.Helper()
	method, path, body := sample(t, op)
	said := core.Errorf(code, "said from behind")
	switch {
	case code == core.CodeRateLimited:
		w.do("GET", "/api/info", nil)
		return w.do(method, path, body)
	case code == core.CodeUnauthenticated && !op.public:
		return w.do(method, path, body, anonymous)
	case code == core.CodeUnsupported:
		return w.do(method, path, body, with("Content-Type", "text/plain"))
	case code == core.CodeTooLarge:
		return w.do(method, path, `{"x":"`+strings.Repeat("x", maxBody)+`"}`)
	case code == core.CodeValidation && op.body != nil:
		return w.do(method, path, `{"no such field":1}`)
	case code == core.CodeValidation && len(op.query) > 0:
		return w.do(method, path+wrongQuery(op), body)
	case code == core.CodeValidation && strings.Contains(op.route, ":id"):
		return w.do(method, strings.Replace(path, someID.String(), "not-an-id", 1), body)
	case code == core.CodeForbidden && op.route == "GET /ws":
		return w.do(method, path, nil, with("Connection", "Upgrade"), with("Upgrade", "websocket"), with("Sec-Websocket-Version", "13"), with("Sec-Websocket-Key", "x"), with("Origin", "https://evil.example"))
	case code == core.CodeValidation && op.route == "GET /ws":
		return w.do(method, path, nil)
	case code == core.CodeUnavailable && op.route == "GET /ready":
		w.notReady = true
		return w.do(method, path, nil)
	case code == core.CodeInternal && (op.static() || op.route == "GET /ws" || op.route == "GET /ready"):
		t.Fatalf("%s cannot fail inside", op.route)
	case code == core.CodeUnavailable && op.route == "GET /ws":
		w.srv.sockets.close()
		return w.do(method, path, nil, with("Connection", "Upgrade"), with("Upgrade", "websocket"), with("Sec-Websocket-Version", "13"), with("Sec-Websocket-Key", "x"))
	}
	w.err, w.loginErr = said, said
	return w.do(method, path, body)
}

// wrongQuery gives a parameter that admits few values another one.
func wrongQuery(op operation) string {
	for _, p := range op.query {
		if p.name == "limit" || p.enum != nil || p.name == "kinds" {
			return "?" + p.name + "=nonsense"
		}
	}
	return "?none"
}

// A field that is said to be needed is needed: without it the body is refused, and the refusal names it.
func TestNeededFieldsAreNeeded(t *testing.T) {
	t.Parallel()
	w := start(t)
	seen := map[reflect.Type]bool{}
	for _, op := range operations {
		if op.body == nil {
			continue
		}
		fields := neededFields[reflect.TypeOf(op.body)]
		seen[reflect.TypeOf(op.body)] = true
		method, path, _ := sample(t, op)
		if len(fields) > 0 {
			a := w.do(method, path, `{}`)
			a.refused(t, http.StatusBadRequest, core.CodeValidation)
		}
	}
	for kind := range neededFields {
		assert.True(t, seen[kind], "%s is no body", kind)
	}
}

func TestThePageOfTheAPI(t *testing.T) {
	t.Parallel()
	w := start(t)
	a := w.do("GET", "/docs", nil, anonymous)
	assert.Equal(t, 200, a.status)
	assert.Equal(t, "text/html; charset=utf-8", a.header.Get("Content-Type"))
	assert.Contains(t, a.header.Get("Content-Security-Policy"), "frame-ancestors 'none'")
	for _, op := range operations {
		assert.Contains(t, a.body, fmt.Sprintf("<b>%s</b> <code>%s</code>", op.method(), op.path()))
	}
	for _, host := range []string{"http://", "https://", "//", "<script"} {
		assert.NotContains(t, a.body, host, "it asks no other host and runs nothing")
	}
	assert.Equal(t, "text/css; charset=utf-8", w.do("GET", "/docs/page.css", nil, anonymous).header.Get("Content-Type"))
	assert.Equal(t, http.StatusNotModified, w.do("GET", "/docs", nil, with("If-None-Match", a.header.Get("ETag"))).status)
}
