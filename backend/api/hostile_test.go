package api

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/backend/core"
)

// Whoever sends too much is refused; everybody else is served meanwhile and afterwards.
func TestBigBodiesDisturbNobodyElse(t *testing.T) {
	t.Parallel()
	w := start(t)
	huge := `{"name":"` + strings.Repeat("a", 10<<20) + `"}`
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 3 {
				w.do("POST", "/api/namespaces", huge).refused(t, http.StatusRequestEntityTooLarge, core.CodeTooLarge)
			}
		})
		wg.Go(func() {
			for range 50 {
				assert.Equal(t, http.StatusCreated, w.do("POST", "/api/namespaces", `{"name":"small"}`).status)
			}
		})
	}
	wg.Wait()
	assert.Equal(t, http.StatusCreated, w.do("POST", "/api/namespaces", `{"name":"small"}`).status)
}

// A small body that would unpack to a large one is not unpacked, whatever it calls itself.
func TestCompressedBombs(t *testing.T) {
	t.Parallel()
	w := start(t)
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	_, err := z.Write(make([]byte, 16<<20))
	require.NoError(t, err)
	require.NoError(t, z.Close())
	require.Less(t, bomb.Len(), maxBody)
	for _, encoding := range []string{"gzip", "GZIP", "deflate", "br", "zstd", "gzip, gzip", "x"} {
		a := w.do("POST", "/api/namespaces", bomb.String(), with("Content-Encoding", encoding))
		a.refused(t, http.StatusUnsupportedMediaType, core.CodeUnsupported)
	}
	w.do("POST", "/api/namespaces", bomb.String()).refused(t, http.StatusBadRequest, core.CodeValidation)
	assert.Empty(t, w.actors)
}

func TestNumbersThatAreNone(t *testing.T) {
	t.Parallel()
	w := start(t)
	for field, bodies := range map[string][]string{
		"resourceQuota.maxPods": {
			`{"name":"a","resourceQuota":{"maxPods":99999999999999999999}}`, `{"name":"a","resourceQuota":{"maxPods":1e400}}`,
			`{"name":"a","resourceQuota":{"maxPods":-9223372036854775808}}`, `{"name":"a","resourceQuota":{"maxPods":9223372036854775807}}`,
		},
		"resources.pods": {`{"name":"a","runtimeType":"node","resources":{"pods":2147483648}}`, `{"name":"a","runtimeType":"node","resources":{"pods":100001}}`},
		"gracePeriodMs":  {`{"pack":"a","gracePeriodMs":2147483648}`, `{"pack":"a","gracePeriodMs":0.5}`},
		"resources.cpu":  {`{"pack":"a","resources":{"cpu":"99999999999999999999"}}`, `{"pack":"a","resources":{"cpu":"1e3"}}`, `{"pack":"a","resources":{"cpu":"NaN"}}`},
		"resources.memory": {
			`{"pack":"a","resources":{"memory":"9999999999999999999Pi"}}`, `{"pack":"a","resources":{"memory":"-1Mi"}}`,
		},
	} {
		path := map[string]string{"resourceQuota.maxPods": "/api/namespaces", "resources.pods": "/api/nodes"}[field]
		if path == "" {
			path = "/api/pods"
		}
		for _, body := range bodies {
			a := w.do("POST", path, body)
			a.refused(t, http.StatusBadRequest, core.CodeValidation)
			assert.Equal(t, field, a.Error.Field, body)
		}
	}
	for _, query := range []string{"limit=99999999999999999999", "limit=1e2", "limit=0x10", "limit=+5 "} {
		w.do("GET", "/api/pods?"+strings.ReplaceAll(query, " ", "%20"), nil).refused(t, http.StatusBadRequest, core.CodeValidation)
	}
	assert.Empty(t, w.actors)
}

// Every route says which methods it takes to who brings another.
func TestWrongMethods(t *testing.T) {
	t.Parallel()
	w := start(t)
	takes := map[string][]string{"/health": {"GET"}, "/ready": {"GET"}, "/ws": {"GET"}, "/auth/login": {"POST"}, "/api/info": {"GET"}}
	for _, r := range protected {
		if r.path != "/api/pods/batch" { // for other methods it is a pod whose id is none
			takes[r.path] = append(takes[r.path], r.method)
		}
	}
	for path, methods := range takes {
		for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE", "TRACE"} {
			if strings.Contains(strings.Join(methods, " "), method) {
				continue
			}
			a := w.do(method, path, nil)
			a.refused(t, http.StatusMethodNotAllowed, core.CodeMethod)
			for _, allowed := range methods {
				assert.Contains(t, a.header.Get("Allow"), allowed, "%s %s", method, path)
			}
		}
	}
	assert.Empty(t, w.actors)
}

// What is null in JSON is left out, in every field that may be.
func TestNullIsTheSameAsNothing(t *testing.T) {
	t.Parallel()
	w := start(t)
	for path, body := range map[string]string{
		"/api/pods": `{"pack":"a","packId":null,"version":null,"name":null,"namespace":null,"resources":null,"env":null,"args":null,"metadata":null,
			"nodeSelector":null,"tolerations":null,"affinity":null,"gracePeriodMs":null,"labels":null,"annotations":null,"priorityClass":null}`,
		"/api/nodes":       `{"name":"a","runtimeType":"node","labels":null,"annotations":null,"taints":null,"resources":null}`,
		"/api/namespaces":  `{"name":"a","labels":null,"resourceQuota":null}`,
		"/api/namespaces/": `{"name":"a","resourceQuota":{"maxPods":null,"maxCpu":null,"maxMemory":null}}`,
	} {
		a := w.do("POST", path, body)
		assert.Equal(t, http.StatusCreated, a.status, "%s: %s", path, a.body)
	}
}
