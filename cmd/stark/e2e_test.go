package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/wire"
)

// pack writes a pack's folder.
func pack(t *testing.T, manifest, source string) string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "package.json"), []byte(manifest), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "index.js"), []byte(source), 0o600))
	return dir
}

func hello(t *testing.T) string {
	return pack(t, `{"name":"hello","version":"1.0.0","description":"says hello"}`, "export default () => console.log('hello')")
}

func lines(texts ...string) []wire.PodLogLine {
	var all []wire.PodLogLine
	for i, text := range texts {
		stream, line, _ := strings.Cut(text, ":")
		all = append(all, wire.PodLogLine{ID: int64(i + 1), At: time.Date(2026, 11, 24, 8, 0, i, 0, time.UTC), Stream: stream, Line: line, Incarnation: 1})
	}
	return all
}

func TestLoginPushRunLogs(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.logs = lines("stdout:hello", "stderr:careful", "stdout:bye")
	s := f.terminal()

	s.in = password + "\n"
	require.Contains(t, s.must("login", "--server", f.url+"/", "--email", email, "--password-stdin"), "as dev@stark.local (developer)")
	s.in = ""
	require.Contains(t, s.must("whoami"), userID.String())

	require.Regexp(t, `^pack/hello@1\.0\.0 pushed \(universal, .*, sha256:[0-9a-f]{12}\)\n$`, s.must("pack", "push", hello(t), "--public"))
	require.Contains(t, s.err, "uploading hello@1.0.0")
	require.Len(t, f.packs, 1)
	require.Equal(t, "public", f.packs[0].Visibility)
	require.Equal(t, "says hello", f.packs[0].Description)
	require.Equal(t, userID.String()+"/hello/1.0.0/"+f.packs[0].BundleSHA256[:12]+".js", f.packs[0].BundlePath)
	require.Contains(t, string(f.objects[f.packs[0].BundlePath]), "hello")

	require.Equal(t, "hello\nbye\n", s.must("pod", "run", "hello:1.0.0", "-f"), "standard output is the pod's")
	for _, want := range []string{"pod/hello-1 created", "is pending: no nodes", "is running on laptop", "careful", "is stopped (completed)", `result: {"greeted":1}`} {
		require.Contains(t, s.err, want)
	}

	require.Equal(t, "hello\nbye\n", s.must("pod", "logs", "hello-1"))
	require.Equal(t, "careful\n", s.err)
	require.Equal(t, "2026-11-24T08:00:02.000Z bye\n", s.must("pod", "logs", "pod/hello-1", "--tail", "1", "--timestamps"))
	require.Empty(t, s.must("pod", "logs", "hello-1", "--tail", "0"))
	require.Equal(t, "bye\n", s.must("pod", "logs", "hello-1", "--tail", "2", "-f"))

	require.Regexp(t, `(?m)^NAME +PACK +STATUS +REASON +RESTARTS +NODE +AGE\nhello-1 +hello@1\.0\.0 +stopped +completed +0 +laptop +`, s.must("pod", "list"))
	require.Regexp(t, `(?m)^NAMESPACE +NAME .*\ndefault +hello-1 `, s.must("pods", "ls", "-A"))
	require.Equal(t, "pod/hello-1\n", s.must("pod", "list", "-o", "name"))
	require.Regexp(t, `Status: +stopped`, s.must("pod", "get", "hello-1"))
	require.Regexp(t, `\+?35ms +status +scheduled`, s.must("pod", "history", "hello-1"))
	require.Regexp(t, `(?m)^hello +1\.0\.0 +universal +public `, s.must("pack", "list"))

	require.Equal(t, "pod/hello-1 is stopped (completed)\n", s.must("pod", "wait", "hello-1", "--for", "ended"))

	require.Contains(t, s.must("logout"), "logged out")
	require.Equal(t, exitError, s.run("pod", "list"))
	require.Contains(t, s.err, "error: not logged in\nhint: log in first: `stark login`")
}

func TestMachineFormats(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	s := f.loggedIn()
	var p wire.Pack
	require.NoError(t, json.Unmarshal([]byte(s.must("pack", "push", hello(t), "-o", "json")), &p))
	require.Equal(t, "hello", p.Name)

	var pod wire.Pod
	require.NoError(t, json.Unmarshal([]byte(s.must("pod", "run", "hello", "--wait", "-o", "json")), &pod))
	require.Equal(t, core.PodRunning, pod.Status, "with --wait it is the pod as it is then")

	var pods []wire.Pod
	require.NoError(t, json.Unmarshal([]byte(s.must("pod", "list", "-o", "json")), &pods))
	require.Len(t, pods, 1)
	require.Contains(t, s.must("pod", "get", pod.ID.String(), "-o", "yaml"), "packName: hello\n")
	require.Equal(t, "pod/hello-1\n", s.must("pod", "run", "hello", "-o", "name"))
}

func TestRunSaysEverythingToTheServer(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	s := f.loggedIn()
	s.env["MODE"] = "fast"
	s.must("pod", "run", "resize@2.0.0", "--name", "r", "-n", "media", "--env", "A=1,2=3", "-e", "MODE", "--arg", "in", "--cpu", "500m",
		"--memory", "256Mi", "--node-selector", "gpu=true,zone=b", "--toleration", "dedicated=media:NoSchedule", "--toleration", "spot",
		"--label", "app=resize", "--priority-class", "high", "--grace-period", "2s", "--", "out", "-v")
	grace := int32(2000)
	require.Equal(t, []wire.PodCreate{{
		Pack: "resize", Version: "2.0.0", Name: "r", Namespace: "media", Resources: wire.Resources{CPU: "500m", Memory: "256Mi"},
		PriorityClass: "high", Env: map[string]string{"A": "1,2=3", "MODE": "fast"}, Args: json.RawMessage(`["in","out","-v"]`),
		NodeSelector:  map[string]string{"gpu": "true", "zone": "b"},
		Tolerations:   []core.Toleration{{Key: "dedicated", Operator: "Equal", Value: "media", Effect: core.EffectNoSchedule}, {Key: "spot", Operator: "Exists"}},
		GracePeriodMS: &grace, Labels: map[string]string{"app": "resize"},
	}}, f.created)

	id := uuid.New()
	s.must("pod", "run", id.String())
	require.Equal(t, &id, f.created[1].PackID)
}

func TestFailedPodFailsTheCommand(t *testing.T) {
	t.Parallel()
	for _, flag := range []string{"-f", "--logs", "--wait"} {
		f := newFake(t)
		f.script, f.reason = []core.PodStatus{core.PodPending, core.PodFailed}, "crashed"
		f.logs = lines("stderr:Error: no")
		s := f.loggedIn()
		require.Equal(t, exitError, s.run("pod", "run", "hello", flag), flag)
		require.Contains(t, s.err, "error: pod/hello-1 failed (crashed)\nhint: `stark pod history hello-1 -n default`", flag)
	}
}

func TestWaitingEndsAfterTheTimeout(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.script = []core.PodStatus{core.PodPending}
	s := f.loggedIn()
	require.Equal(t, exitError, s.run("pod", "run", "hello", "--wait", "--timeout", "50ms"))
	require.Contains(t, s.err, "error: gave up waiting for pod/hello-1, which is pending: timed out")
	require.Contains(t, s.err, "goes on without this command")
}

func TestInterruptedFollowLeavesThePodAlone(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.script = []core.PodStatus{core.PodRunning}
	f.logs = lines("stdout:tick")
	s := f.loggedIn()
	ctx, cancel := context.WithCancelCause(t.Context())
	out := writerFunc(func(p []byte) (int, error) { cancel(&signalError{signal: 2}); return len(p), nil })
	var notes strings.Builder
	require.Equal(t, 130, s.cli(out, &notes).run(ctx, []string{"pod", "run", "hello", "-f"}))
	require.Contains(t, notes.String(), "pod/hello-1 goes on without this command")
	require.NotContains(t, notes.String(), "error:")
	require.Len(t, f.pods, 1)
	require.Empty(t, f.pods[0].DesiredState)
}

type writerFunc func([]byte) (int, error)

func (w writerFunc) Write(p []byte) (int, error) { return w(p) }

func TestExpiredTokenIsRefreshedUnseen(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	s := f.loggedIn()
	f.mu.Lock()
	f.valid = "revoked" // the server takes another token now; the refresh token is still good
	f.mu.Unlock()
	s.must("whoami")
	require.Equal(t, 2, f.logins)
	s.must("whoami")
	require.Equal(t, 2, f.logins, "the new pair was kept")
}

func TestEndedLoginSaysSo(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	s := f.loggedIn()
	f.mu.Lock()
	f.valid, f.refresh = "", "rotated away"
	f.mu.Unlock()
	require.Equal(t, exitError, s.run("node", "list"))
	require.Contains(t, s.err, "the login has expired")
	require.Contains(t, s.err, "hint: log in again: `stark login`")
	require.Contains(t, s.must("logout"), "logged out", "a login that has ended can be forgotten")
}

func TestTokenFromTheEnvironment(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.issue()
	s := f.terminal()
	s.env["STARK_TOKEN"] = f.valid
	s.must("pack", "push", hello(t))
	require.NoFileExists(t, s.env["STARK_CONFIG"])

	s.env["STARK_TOKEN"] = "expired"
	require.Equal(t, exitError, s.run("whoami"))
	require.Contains(t, s.err, "log in again")
}

func TestLoginWithToken(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.issue()
	s := f.terminal()
	s.in = f.valid
	s.must("login", "--token-stdin")
	s.must("whoami")

	for name, in := range map[string]string{"opaque": "sbp_0123", "forged": token(`{"exp":4102444800}`), "empty": ""} {
		other := f.terminal()
		other.in = in
		require.Equal(t, exitError, other.run("login", "--token-stdin"), name)
		require.NoFileExists(t, other.env["STARK_CONFIG"], name)
		if in != "" {
			require.NotContains(t, other.err, in, "a token is not for showing")
		}
	}
}

func TestTokenIsNotSentToAnotherServer(t *testing.T) {
	t.Parallel()
	s := newFake(t).loggedIn()
	other := newFake(t)
	s.env["STARK_SERVER"] = other.url
	require.Equal(t, exitError, s.run("pod", "list"))
	require.Contains(t, s.err, "you are logged in to")
	require.Empty(t, other.queries)
}

func TestUnreachableServer(t *testing.T) {
	t.Parallel()
	s := newFake(t).terminal()
	require.Equal(t, exitError, s.run("login", "--server", "http://127.0.0.1:1", "--email", email, "--password-stdin"))
	require.Contains(t, s.err, "cannot reach the Stark server at http://127.0.0.1:1")
	require.Contains(t, s.err, "`stark up`")
}

func TestServerErrorsShowHintAndCorrelationID(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	s := f.loggedIn()
	f.override = func(w http.ResponseWriter, _ *http.Request) {
		fail(w, 500, wire.Problem{Code: core.CodeInternal, Message: "internal error", CorrelationID: "c-42"})
	}
	require.Equal(t, exitError, s.run("pod", "list"))
	require.Equal(t, "error: internal error\ncorrelation id: c-42\n", s.err)

	f.override = func(w http.ResponseWriter, _ *http.Request) {
		fail(w, 403, wire.Problem{Code: core.CodeQuota, Message: "namespace full", Hint: "delete a pod"})
	}
	require.Equal(t, exitError, s.run("pod", "run", "hello"))
	require.Equal(t, "error: namespace full\nhint: delete a pod\n", s.err)
}

func TestSeveralPodsAtOnce(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	s := f.loggedIn()
	s.must("pod", "run", "hello", "--name", "one")
	require.Equal(t, exitError, s.run("pod", "stop", "gone", "one"))
	require.Equal(t, "pod/one is told to stop\n", s.out, "the others are still done")
	require.Equal(t, "error: there is no pod \"gone\" in namespace \"default\"\nhint: `stark pod list -A` shows the pods of all namespaces\n", s.err)
	require.Equal(t, core.DesiredStopped, f.pods[0].DesiredState)
	require.Equal(t, "pod/one stopped (completed)\n", s.must("pod", "stop", "one", "--wait"))
	require.Equal(t, "pod/one has ended already\n", s.must("pod", "stop", "one"))
	require.Equal(t, "pod/one deleted\n", s.must("pod", "delete", "one"))
}

func TestNodesAndNamespaces(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	s := f.loggedIn()
	require.Empty(t, s.must("node", "list"))
	require.Contains(t, s.err, "no nodes: start one with `stark agent`")
	f.nodes = []wire.Node{{
		Name: "laptop", Status: core.NodeHealthy, Unschedulable: true, RuntimeType: core.RuntimeNode, RuntimeVersion: "v20.19.0", Pods: 2,
		Resources: wire.NodeResources{CPU: "4", Memory: "8Gi", Pods: 110}, CreatedAt: time.Now(),
		Taints: []core.Taint{{Key: "gpu", Effect: core.EffectNoSchedule}},
	}}
	require.Regexp(t, `^NAME +STATUS +RUNTIME +VERSION +PODS +CPU +MEMORY +AGE\nlaptop +healthy,cordoned +node +v20\.19\.0 +2/110 +4 +8Gi +0s\n$`, s.must("node", "list"))
	require.Regexp(t, `Taints: +gpu:NoSchedule`, s.must("node", "status", "node/laptop"))
	require.Equal(t, exitError, s.run("node", "get", "nowhere"))

	require.Regexp(t, `(?m)^default +<none> `, s.must("namespace", "list"))
	require.Equal(t, "namespace/batch created\n", s.must("ns", "create", "batch", "--max-pods", "0"))
	require.Contains(t, s.must("ns", "create", "batch", "--max-pods", "0", "-o", "json"), `"maxPods": 0`)
	require.Equal(t, "namespace/batch deleted\n", s.must("ns", "delete", "batch"))
}

func TestNodesAreCordonedLabelledAndTainted(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	s := f.loggedIn()
	f.nodes = []wire.Node{{
		ID: uuid.New(), Name: "laptop", Labels: map[string]string{"zone": "eu", "old": "1"}, Revision: 7,
		Taints: []core.Taint{{Key: "gpu", Effect: core.EffectNoSchedule}, {Key: "gpu", Effect: core.EffectNoExecute}, {Key: "ci", Value: "1", Effect: core.EffectNoSchedule}},
	}}
	require.Equal(t, "node/laptop cordoned\n", s.must("node", "cordon", "node/laptop"))
	require.True(t, f.nodes[0].Unschedulable)
	require.Equal(t, exitError, s.run("node", "uncordon", "nowhere", "laptop"))
	require.Equal(t, "node/laptop uncordoned\n", s.out, "the others are still done")
	require.Contains(t, s.err, `there is no node "nowhere"`)
	require.False(t, f.nodes[0].Unschedulable)

	require.Equal(t, "node/laptop labels: gpu=true,zone=us\n", s.must("node", "label", "laptop", "zone=us", "gpu=true", "old-"))
	zone, gpu := "us", "true"
	require.Equal(t, map[string]*string{"zone": &zone, "gpu": &gpu, "old": nil}, f.nodePatch.Labels)
	require.Nil(t, f.nodePatch.Taints)

	require.Equal(t, "node/laptop taints: gpu:NoSchedule,ci=2:NoSchedule\n", s.must("node", "taint", "laptop", "gpu:NoExecute-", "ci=2:NoSchedule"))
	require.EqualValues(t, 7, *f.nodePatch.Revision, "what somebody else changes meanwhile is not overwritten")
	require.Equal(t, "node/laptop taints: ci=1:NoSchedule\n", s.must("node", "taint", "laptop", "gpu-"))
	s.must("node", "taint", "laptop", "gpu-", "ci-")
	require.Equal(t, &[]core.Taint{}, f.nodePatch.Taints, "none is a list too")
}

func TestSetupAndRoles(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	s := f.loggedIn()
	s.in = "stark_setup_wrong\n"
	require.Equal(t, exitError, s.run("setup", "--token-stdin"))
	require.Equal(t, "error: the setup token is wrong or has expired\nhint: ask for another\n", s.err)
	s.in = setupToken + "\n"
	require.Equal(t, email+" is admin now\n", s.must("setup", "--token-stdin"))
	require.NotContains(t, s.out+s.err, setupToken)

	require.Regexp(t, `(?m)^EMAIL +ROLE +NAME +AGE\ndev@stark\.local +developer +Dev +`, s.must("user", "list"))
	require.Equal(t, "user/"+email+" is operator now\n", s.must("user", "role", "user/"+email, "operator"))
	require.Equal(t, "operator", *f.patch.Role)
	require.EqualValues(t, 3, *f.patch.Revision, "a change that somebody else makes meanwhile is not overwritten")
	require.Equal(t, exitError, s.run("user", "role", "nobody@example.com", "viewer"))
	require.Contains(t, s.err, `there is no user "nobody@example.com"`)
}

func TestVersion(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	s := f.loggedIn()
	require.Regexp(t, `Server: +1\.2\.3`, s.must("version"))
	require.Regexp(t, `^stark \S+\n$`, s.must("--version"))
	require.NotContains(t, f.terminal().must("version"), "Server", "without a login it is the client's alone")
}

func TestFullDiskIsAnError(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.logs = lines("stdout:x")
	s := f.loggedIn()
	s.must("pod", "run", "hello")
	full := writerFunc(func([]byte) (int, error) { return 0, errors.New("no space left on device") })
	for _, args := range [][]string{{"pod", "list"}, {"pod", "logs", "hello-1"}, {"pod", "run", "hello"}, {"whoami", "-o", "json"}} {
		var notes strings.Builder
		require.Equal(t, exitError, s.cli(full, &notes).run(t.Context(), args), args)
		require.Contains(t, notes.String(), "no space left", args)
	}
}
