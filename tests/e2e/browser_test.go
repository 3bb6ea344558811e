package e2e

import (
	"bytes"
	"encoding/json"
	"net/http"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// chromium is a real browser with a person at it: tests/js/browser-driver.mjs.
type chromium struct {
	t   *testing.T
	p   *process
	url string
}

// tab is a tab in a profile of its own.
type tab struct {
	*chromium
	name string
}

func openChromium(t *testing.T) *chromium {
	t.Helper()
	script, err := filepath.Abs(filepath.Join("..", "js", "browser-driver.mjs"))
	require.NoError(t, err)
	b := &chromium{t: t, p: launch(t, "chromium", nil, "node", script)}
	b.url = regexp.MustCompile(`http://127\.0\.0\.1:\d+`).FindString(b.p.says("http://127.0.0.1:"))
	t.Cleanup(b.p.stop) // a killed driver would leave Chromium behind
	return b
}

// order has the person do something, and returns what came of it.
func (b *chromium) order(do string, with map[string]any) any {
	b.t.Helper()
	with["do"] = do
	raw, err := json.Marshal(with)
	require.NoError(b.t, err)
	res, err := http.Post(b.url, "application/json", bytes.NewReader(raw))
	require.NoError(b.t, err)
	defer res.Body.Close()
	var answer struct {
		OK    any
		Error string
	}
	require.NoError(b.t, json.NewDecoder(res.Body).Decode(&answer))
	require.Empty(b.t, answer.Error, do)
	return answer.OK
}

func (t tab) do(what string, with map[string]any) any {
	t.t.Helper()
	if with == nil {
		with = map[string]any{}
	}
	with["tab"] = t.name
	return t.order(what, with)
}

// becomesNode opens /agent, logs in and starts a node, all as a person does.
func (b *chromium) becomesNode(w *world, who person, name, labels string) tab {
	b.t.Helper()
	t := tab{b, name}
	t.do("open", map[string]any{"url": w.url() + "/agent"})
	t.do("logIn", map[string]any{"email": who.email, "password": accountPassword})
	t.do("start", map[string]any{"name": name, "labels": labels})
	w.eventually("node "+name+" is healthy", func() bool { return w.text("select status from nodes where name = $1", name) == "healthy" })
	return t
}

// A person makes a tab a node, it runs a universal pack, and when the tab is closed the pod goes on elsewhere.
func TestBrowserTabIsANode(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := openChromium(t)
	pack := w.push(w.dev, "beacon", beacon)
	page := b.becomesNode(w, w.admin, "tab", "kind=tab")
	assert.Equal(t, "browser shared tab", w.text(
		`select runtime_type || ' ' || access || ' ' || (labels->>'kind') from nodes where name = 'tab'`))
	assert.Contains(t, w.text(`select runtime_version from nodes where name = 'tab'`), "Chrome ")

	pod := w.pod(w.dev, map[string]any{"pack": pack.Name, "name": "lighthouse", "env": map[string]string{"WITNESS": w.witness.url}})
	w.runsOnce(pod.ID)
	page.do("sees", map[string]any{"text": "beacon is lit"})
	page.do("sees", map[string]any{"text": "lighthouse"})
	w.eventually("its log is stored", func() bool {
		return w.text("select line from pod_logs where pod_id = $1 and stream = 'stdout' limit 1", pod.ID) == "beacon is lit"
	})

	// Its policy lets the page do what it needs and not more.
	for _, refused := range []string{
		`fetch("` + w.witness.url + `").then(() => "allowed", () => "refused")`,
		`(() => { const s = document.createElement("script"); s.textContent = "window.ran = 'allowed'"; document.head.append(s); return window.ran ?? "refused" })()`,
		`new Promise((done) => { try { const w = new Worker("data:text/javascript,postMessage(1)"); w.onmessage = () => done("allowed"); w.onerror = () => done("refused") } catch { done("refused") } })`,
	} {
		assert.Equal(t, "refused", page.do("evaluate", map[string]any{"script": refused}), refused)
	}

	w.startAgent("elsewhere")
	closed := time.Now()
	page.do("close", nil)
	w.eventually("the node is gone", func() bool { return w.text("select status from nodes where name = 'tab'") != "healthy" })
	t.Logf("the node was gone %d ms after its tab", time.Since(closed).Milliseconds())
	w.runsOnce(pod.ID)
	assert.Equal(t, "elsewhere", w.text("select n.name from pods p join nodes n on n.id = p.node_id where p.id = $1", pod.ID))
	assert.Equal(t, []string{"1", "2"}, w.witness.incarnations(pod.ID))
}

// A node of somebody who is neither operator nor admin takes their own pods and no others.
func TestBrowserTabOfADeveloperIsPrivate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := openChromium(t)
	other := w.account("other@example.com", "developer")
	hello := w.push(w.dev, "hello", `export default ({ podName }) => { console.log("hello from " + podName); return 42 }`)
	page := b.becomesNode(w, w.dev, "mine", "")
	assert.Equal(t, "private", w.text("select access from nodes where name = 'mine'"))
	page.do("sees", map[string]any{"text": "you alone (private)"})

	foreign := w.pod(other, map[string]any{"pack": hello.Name, "name": "foreign"})
	own := w.pod(w.dev, map[string]any{"pack": hello.Name, "name": "own"})
	w.becomes(own.ID, "stopped (completed)")
	assert.Equal(t, "42", w.text("select result from pods where id = $1", own.ID))
	page.do("sees", map[string]any{"text": "hello from own"})
	assert.Equal(t, "pending", w.text("select status from pods where id = $1", foreign.ID))

	// A tab that is loaded again is the same node, and takes its pods up again; one that is stopped says goodbye.
	node := w.text("select id from nodes where name = 'mine'")
	page.do("reload", nil)
	page.do("sees", map[string]any{"text": "you alone (private)"})
	again := w.pod(w.dev, map[string]any{"pack": hello.Name, "name": "again"})
	w.becomes(again.ID, "stopped (completed)")
	assert.Equal(t, node, w.text("select node_id from pods where id = $1", again.ID))
	page.do("click", map[string]any{"button": "Stop"})
	page.do("sees", map[string]any{"text": "not running"})
	w.eventually("the node is gone", func() bool { return w.text("select status_reason from nodes where name = 'mine'") == "disconnected" })
}

// A tab that crashes says nothing: its node is given up when its lease has run out, and its pods go on elsewhere.
func TestBrowserTabCrashes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.impatient()
	b := openChromium(t)
	pack := w.push(w.dev, "beacon", beacon)
	page := b.becomesNode(w, w.admin, "tab", "")
	pod := w.pod(w.dev, map[string]any{"pack": pack.Name, "env": map[string]string{"WITNESS": w.witness.url}})
	w.runsOnce(pod.ID)
	w.startAgent("elsewhere")
	page.do("crash", nil)
	w.eventually("the node is given up", func() bool { return w.text("select status from nodes where name = 'tab'") == "unhealthy" })
	w.runsOnce(pod.ID)
	assert.Equal(t, "elsewhere", w.text("select n.name from pods p join nodes n on n.id = p.node_id where p.id = $1", pod.ID))
}

// The server is gone for a while: the tab's pods go on, and are the same ones when it is back.
func TestBrowserTabOutlivesTheServer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := openChromium(t)
	pack := w.push(w.dev, "beacon", beacon)
	page := b.becomesNode(w, w.admin, "tab", "")
	pod := w.pod(w.dev, map[string]any{"pack": pack.Name, "env": map[string]string{"WITNESS": w.witness.url}})
	w.runsOnce(pod.ID)
	w.server.kill()
	page.do("sees", map[string]any{"text": "connecting"})
	since := time.Now()
	w.eventually("the pod goes on without a server", func() bool { return w.witness.alive(pod.ID, since) == 1 })
	w.startServer()
	page.do("sees", map[string]any{"text": "connected"})
	w.runsOnce(pod.ID)
	assert.Equal(t, []string{"1"}, w.witness.incarnations(pod.ID), "it was never started again")
}
