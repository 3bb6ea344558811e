package e2e

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

const (
	notifySecret = "a-secret-of-the-webhook"
	signSecret   = "a-secret-of-the-receiver"
)

// function starts an edge function in Deno, as the edge runtime would, and returns its address.
func (w *world) function(name string, env ...string) string {
	w.t.Helper()
	binaries, err := filepath.Glob(filepath.Join("..", "js", "node_modules", "@deno", "*", "deno*"))
	require.NoError(w.t, err)
	require.NotEmpty(w.t, binaries, "Deno is missing: sh tests/setup.sh --tests")
	env = append([]string{
		"SUPABASE_URL=" + w.stack.URL(), "SUPABASE_ANON_KEY=" + w.stack.PublishableKey(), "DENO_SERVE_ADDRESS=tcp:127.0.0.1:0",
		"DENO_DIR=" + w.t.TempDir(), "DENO_NO_UPDATE_CHECK=1", "NO_COLOR=1",
	}, env...)
	p := launch(w.t, "function "+name, env, binaries[0], "run", "--no-remote", "--config", filepath.Join("..", "js", "deno.json"),
		"--allow-env", "--allow-net", filepath.Join("..", "..", "functions", name, "index.ts"))
	at := regexp.MustCompile(`Listening on (http://127\.0\.0\.1:\d+)/`)
	var url string
	w.eventually(name+" listens", func() bool {
		select {
		case <-p.exited:
			w.t.Fatalf("%s ended: %s", name, p.out)
		default:
		}
		found := at.FindStringSubmatch(p.out.String())
		if found != nil {
			url = found[1]
		}
		return found != nil
	})
	return url
}

// answer is what a function says.
type answer struct {
	Data struct {
		PodID     uuid.UUID
		Result    json.RawMessage
		Delivered any
	}
	Error struct {
		Code, Field, Reason, Message string
		PodID                        uuid.UUID
	}
}

// ask posts to a function with a token, and insists on the status.
func (w *world) ask(url, token string, body any, status int) (a answer) {
	w.t.Helper()
	raw, err := json.Marshal(body)
	require.NoError(w.t, err)
	req, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, url, bytes.NewReader(raw))
	require.NoError(w.t, err)
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := http.DefaultClient.Do(req)
	require.NoError(w.t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	require.NoError(w.t, err)
	require.Equal(w.t, status, res.StatusCode, "%s", text)
	require.NoError(w.t, json.Unmarshal(text, &a), "%s", text)
	return a
}

func TestNotifyOfAFailedPod(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.startAgent("node-a")
	w.push(w.dev, "broken", "export default () => { throw new Error('boom') }")
	type delivery struct {
		signature string
		body      []byte
	}
	got := make(chan delivery, 8)
	receiver := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body) // a short one fails its signature
		got <- delivery{r.Header.Get("Stark-Signature"), body}
		if len(got) == 1 {
			rw.WriteHeader(http.StatusServiceUnavailable) // the first time
		}
	}))
	t.Cleanup(receiver.Close)
	url := w.function("notify", "STARK_NOTIFY_SECRET="+notifySecret, "STARK_NOTIFY_URL="+receiver.URL, "STARK_NOTIFY_SIGNING_SECRET="+signSecret,
		"STARK_NOTIFY_ALLOW_PRIVATE=true")
	pod := w.pod(w.dev, map[string]any{"pack": "broken", "env": map[string]string{"TOKEN": "hidden"}})
	w.becomes(pod.ID, "failed (crashed)")

	// What a database webhook sends: the row before and after.
	var row map[string]any
	require.NoError(t, w.db.QueryRow(t.Context(), "select to_jsonb(p) from pods p where id = $1", pod.ID).Scan(&row))
	before := map[string]any{"status": "running"}
	change := map[string]any{"type": "UPDATE", "schema": "public", "table": "pods", "record": row, "old_record": before}
	w.ask(url, "wrong", change, http.StatusUnauthorized)
	a := w.ask(url, notifySecret, change, http.StatusOK)
	require.Equal(t, true, a.Data.Delivered)
	require.Len(t, got, 2, "once more after the receiver was not there")
	<-got
	d := <-got
	at := regexp.MustCompile(`^t=(\d+),v1=([0-9a-f]{64})$`).FindStringSubmatch(d.signature)
	require.NotNil(t, at, d.signature)
	mac := hmac.New(sha256.New, []byte(signSecret))
	mac.Write(append([]byte(at[1]+"."), d.body...))
	require.Equal(t, hex.EncodeToString(mac.Sum(nil)), at[2])
	require.NotContains(t, string(d.body), "hidden")
	var message struct {
		Type string
		Pod  struct {
			ID      uuid.UUID
			Reason  string
			Message string
		}
	}
	require.NoError(t, json.Unmarshal(d.body, &message))
	require.Equal(t, "pod.failed", message.Type)
	require.Equal(t, pod.ID, message.Pod.ID)
	require.Contains(t, message.Pod.Message, "boom")

	row["status"] = "running"
	a = w.ask(url, notifySecret, change, http.StatusOK)
	require.Equal(t, false, a.Data.Delivered)
	require.Empty(t, got)
}
