package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/backend/control/rollout"
	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/wire"
)

func (f *fake) deploymentRoutes(mux *http.ServeMux) {
	one := func(do func(http.ResponseWriter, *http.Request, *wire.Deployment)) http.HandlerFunc {
		return f.auth(func(w http.ResponseWriter, r *http.Request) {
			for i := range f.deploys {
				if f.deploys[i].ID.String() == r.PathValue("id") {
					do(w, r, &f.deploys[i])
					return
				}
			}
			fail(w, 404, wire.Problem{Code: core.CodeNotFound, Message: "no such deployment"})
		})
	}
	mux.HandleFunc("GET /api/deployments", f.auth(func(w http.ResponseWriter, r *http.Request) {
		found := []wire.Deployment{}
		for _, d := range f.deploys {
			if name := r.URL.Query().Get("name"); name == "" || name == d.Name {
				found = append(found, d)
			}
		}
		ok(w, found)
	}))
	mux.HandleFunc("POST /api/deployments", f.auth(func(w http.ResponseWriter, r *http.Request) {
		f.deployed = wire.DeploymentCreate{}
		f.read(r, &f.deployed)
		d := deployment(f.deployed.Name, 1, rollout.Status{})
		d.ObservedGeneration = 0
		f.deploys = append(f.deploys, d)
		reply(w, http.StatusCreated, wire.Success{Success: true, Data: d})
	}))
	mux.HandleFunc("GET /api/deployments/{id}", one(func(w http.ResponseWriter, _ *http.Request, d *wire.Deployment) { ok(w, d) }))
	mux.HandleFunc("PATCH /api/deployments/{id}", one(func(w http.ResponseWriter, r *http.Request, d *wire.Deployment) {
		f.deployPatch = wire.DeploymentPatch{}
		f.read(r, &f.deployPatch)
		if f.faster > 0 {
			f.faster--
			d.Revision++
			d.Strategy = json.RawMessage(`{"maxSurge": 2}`)
		}
		if want := f.deployPatch.Revision; want != nil && *want != d.Revision {
			fail(w, 409, wire.Problem{Code: core.CodeConflict, Message: "changed by someone else"})
			return
		}
		if f.deployPatch.Pack != "" {
			d.PackVersion = f.deployPatch.Version
			d.Generation++
		}
		ok(w, d)
	}))
	mux.HandleFunc("POST /api/deployments/{id}/rollback", one(func(w http.ResponseWriter, r *http.Request, d *wire.Deployment) {
		var in wire.DeploymentRollback
		f.read(r, &in)
		d.PackVersion = fmt.Sprintf("%d.0.0", in.Generation)
		d.Generation++
		ok(w, d)
	}))
	mux.HandleFunc("GET /api/deployments/{id}/revisions", one(func(w http.ResponseWriter, _ *http.Request, _ *wire.Deployment) { ok(w, f.revisions) }))
	mux.HandleFunc("DELETE /api/deployments/{id}", one(func(w http.ResponseWriter, _ *http.Request, _ *wire.Deployment) { w.WriteHeader(http.StatusNoContent) }))
}

// deployment is one of three pods, whose control loop says this of its generation.
func deployment(name string, generation int64, status rollout.Status) wire.Deployment {
	raw, err := json.Marshal(status)
	if err != nil {
		panic(err)
	}
	return wire.Deployment{
		ID: uuid.New(), Name: name, Namespace: "default", PackName: "hello", PackVersion: "1.0.0", Mode: "replicas", Replicas: 3, Spec: json.RawMessage("{}"),
		Strategy: json.RawMessage(`{"maxSurge": 1}`), Generation: generation, ObservedGeneration: generation, Status: raw, CreatedAt: time.Now(), Revision: generation,
	}
}

func complete(generation int64) rollout.Status {
	return rollout.Status{
		Desired: 3, Replicas: 3, Updated: 3, Ready: 3, Available: 3, Stable: generation,
		Conditions: []rollout.Condition{{Type: rollout.Progressing, Status: true, Reason: rollout.ReasonComplete}},
	}
}

func progressing(reason, message string) rollout.Status {
	return rollout.Status{
		Desired: 3, Replicas: 4, Updated: 2, Ready: 3, Available: 3, Stable: 1,
		Conditions: []rollout.Condition{{Type: rollout.Progressing, Status: reason == rollout.ReasonRollingOut, Reason: reason, Message: message}},
	}
}

func TestDeployCreate(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	s := f.loggedIn()
	require.Equal(t, "deployment/web created\n", s.must("deploy", "create", "hello:1.2.0", "--name", "web", "--replicas", "3", "--max-surge", "50%", "--max-unavailable", "0",
		"--min-ready", "5s", "--env", "A=1", "--cpu", "50m", "--follow-latest"))
	require.EqualValues(t, 3, *f.deployed.Replicas)
	require.Equal(t, []any{"web", "hello", "1.2.0", true, ""}, []any{f.deployed.Name, f.deployed.Pack, f.deployed.Version, f.deployed.FollowLatest, f.deployed.Mode})
	require.JSONEq(t, `{"maxSurge": "50%", "maxUnavailable": "0", "minReadySeconds": 5}`, string(f.deployed.Strategy))
	require.JSONEq(t, `{"env": {"A": "1"}, "cpu": "50m"}`, string(f.deployed.Spec))

	require.Equal(t, "deployment/hello created\n", s.must("deploy", "create", "hello", "--daemonset", "--node-selector", "gpu=yes", "--recreate", "--no-auto-rollback"))
	require.Equal(t, "daemonset", f.deployed.Mode)
	require.Nil(t, f.deployed.Replicas)
	require.JSONEq(t, `{"type": "Recreate", "autoRollback": false}`, string(f.deployed.Strategy))
	require.JSONEq(t, `{"nodeSelector": {"gpu": "yes"}}`, string(f.deployed.Spec))
	for _, line := range [][]string{
		{"deploy", "create"}, {"deploy", "create", uuid.NewString()}, {"deploy", "create", "hello", "--min-ready", "-1s"}, {"deploy", "scale", "web"},
		{"deploy", "update", "web"}, {"deploy", "rollback", "web", "--to-revision", "-1"},
	} {
		require.Equal(t, exitUsage, s.run(line...), line)
	}
	require.Equal(t, exitError, s.run("deploy", "get", "nothing"))
	require.Contains(t, s.err, `there is no deployment "nothing" in namespace "default"`)
}

func TestDeployShows(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	s := f.loggedIn()
	stuck := progressing(rollout.ReasonDeadlineExceeded, "generation 2 has not come nearer to its end for 10m0s")
	failing := progressing(rollout.ReasonRollingOut, "")
	failing.Conditions = append(failing.Conditions, rollout.Condition{Type: rollout.Failing, Status: true, Reason: rollout.ReasonQuota, Message: "the namespace is full"})
	lacking := complete(1)
	lacking.Available = 2
	f.deploys = []wire.Deployment{
		deployment("well", 1, complete(1)), deployment("slow", 2, progressing(rollout.ReasonRollingOut, "")), deployment("stuck", 2, stuck), deployment("full", 2, failing),
		deployment("crashing", 2, progressing(rollout.ReasonCrashLoop, "")), deployment("held", 2, progressing(rollout.ReasonPaused, "")), deployment("lacking", 1, lacking),
	}
	f.deploys[0].PackName = ""
	f.pods = pods("web-1")
	list := s.must("deploy", "list")
	for _, row := range []string{
		`well +` + f.deploys[0].PackID.String() + ` +3/3 +3 +3 +complete`, `slow +hello@1\.0\.0 +3/3 +2 +3 +rolling out`, `stuck .* stuck`, `full .* failing`, `crashing .* crashing`, `held .* paused`,
		`lacking .* degraded`,
	} {
		require.Regexp(t, row, list)
	}
	require.Equal(t, list, s.must("get", "deployments"))
	shown := s.must("deploy", "describe", "full")
	for _, want := range []string{"3 wanted, 2 updated, 3 ready, 3 available", "2 (last rolled out: 1)", "true: the namespace is full", "web-1"} {
		require.Contains(t, shown, want)
	}
	require.Contains(t, s.must("deploy", "status", "held", "-o", "jsonpath={.name}"), "held")
	require.Equal(t, "deployment/well deleted\n", s.must("deploy", "delete", "well"))
	require.Contains(t, f.calls, "DELETE /api/deployments/"+f.deploys[0].ID.String())

	f.revisions = []wire.DeploymentRevision{
		{Generation: 2, PackName: "hello", PackVersion: "1.1.0", Spec: json.RawMessage(`{"env":{"A":"1"}}`), CreatedAt: time.Now()},
		{Generation: 1, PackID: userID, Spec: json.RawMessage(`{}`), CreatedAt: time.Now()},
	}
	history := s.must("deploy", "rollout", "history", "slow")
	require.Regexp(t, `(?s)2 +hello@1\.1\.0 .*{"env":{"A":"1"}}\n1 +`+userID.String(), history)
}

func TestDeployChanges(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	s := f.loggedIn()
	f.deploys = []wire.Deployment{deployment("web", 1, complete(1))}
	require.Equal(t, "deployment/web updated: hello@1.1.0, generation 2\n", s.must("deploy", "update", "web", "hello:1.1.0", "--max-unavailable", "1", "--follow-latest=false"))
	require.JSONEq(t, `{"maxSurge": 1, "maxUnavailable": "1"}`, string(f.deployPatch.Strategy), "what is not said stays")
	require.False(t, *f.deployPatch.FollowLatest)
	require.Equal(t, "deployment/web scaled to 0\n", s.must("deploy", "scale", "web", "-r", "0"))
	require.Zero(t, *f.deployPatch.Replicas)
	require.Equal(t, "deployment/web paused\n", s.must("deploy", "rollout", "pause", "web"))
	require.True(t, *f.deployPatch.Paused)
	require.Equal(t, "deployment/web resumed\n", s.must("deploy", "rollout", "resume", "web"))
	require.False(t, *f.deployPatch.Paused)
	require.Equal(t, "deployment/web rolled back: hello@4.0.0, generation 3\n", s.must("deploy", "rollout", "undo", "web", "--to-revision", "4"))
	require.Equal(t, "deployment/web rolled back: hello@0.0.0, generation 4\n", s.must("deploy", "rollback", "web"))
}

// The control loop writes a deployment's status all the time while it rolls over: who is too late looks again.
func TestDeployChangesAreTriedAgain(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	s := f.loggedIn()
	f.deploys = []wire.Deployment{deployment("web", 1, complete(1))}
	f.faster = 2
	s.must("deploy", "update", "web", "--min-ready", "3s")
	require.JSONEq(t, `{"maxSurge": 2, "minReadySeconds": 3}`, string(f.deployPatch.Strategy), "what the other has said stays")

	file := filepath.Join(t.TempDir(), "web.yaml")
	require.NoError(t, os.WriteFile(file, []byte("kind: Deployment\nmetadata: {name: web}\nspec: {pack: hello@1.0.0, replicas: 4}\n"), 0o600))
	f.faster = 3
	require.Equal(t, "deployment/web configured\n", s.must("apply", "-f", file))
	require.EqualValues(t, 4, *f.deployPatch.Replicas)
	f.faster = 1000
	require.Equal(t, exitError, s.run("apply", "-f", file))
	require.Contains(t, s.err, "changed by someone else")
	require.Equal(t, exitError, s.run("deploy", "update", "web", "--min-ready", "4s"))
	require.Equal(t, 1000-2*conflictTries, f.faster)
}

// rolls plays how a rollout to generation 2 goes.
func rolls(t *testing.T, steps ...rollout.Status) (*fake, *terminal) {
	t.Helper()
	f := newFake(t)
	s := f.loggedIn()
	d := deployment("web", 2, rollout.Status{})
	d.ObservedGeneration = 1
	f.deploys = []wire.Deployment{d, deployment("other", 9, complete(9))}
	frames := []string{frame("ready", "1", nil), upsert("2", wire.WatchDeployments, f.deploys[1])}
	for i, step := range steps {
		now := deployment("web", 2, step)
		now.ID, now.Revision = d.ID, int64(3+i)
		if step.RolledBack != nil {
			now.Generation = step.RolledBack.Generation
		}
		frames = append(frames, upsert(fmt.Sprint(3+i), wire.WatchDeployments, now))
	}
	f.streams = [][]string{frames}
	return f, s
}

func TestRolloutStatusFollowsToTheEnd(t *testing.T) {
	t.Parallel()
	going := progressing(rollout.ReasonRollingOut, "")
	_, s := rolls(t, going, going, complete(2))
	require.Equal(t, "deployment/web is rolled out\n", s.must("deploy", "rollout", "status", "web"))
	require.Equal(t, "deployment/web: waiting for the control loop\ndeployment/web: 2 of 3 pods are updated, 3 available, 2 old still run\n", s.err)
}

func TestRolloutStatusOnce(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	s := f.loggedIn()
	f.deploys = []wire.Deployment{deployment("web", 2, progressing(rollout.ReasonRollingOut, "")), deployment("well", 2, complete(2)), deployment("held", 2, progressing(rollout.ReasonPaused, "the deployment is paused"))}
	require.Equal(t, "deployment/web: 2 of 3 pods are updated, 3 available, 2 old still run\n", s.must("deploy", "rollout", "status", "web", "--watch=false"))
	require.Equal(t, "deployment/well is rolled out\n", s.must("deploy", "rollout", "status", "well", "-w=false"))
	require.Equal(t, exitError, s.run("deploy", "rollout", "status", "held", "-w=false"))
	require.Contains(t, s.err, "the deployment is paused")
}

func TestRolloutStatusSaysWhatWentWrong(t *testing.T) {
	t.Parallel()
	for reason, message := range map[string]string{
		rollout.ReasonDeadlineExceeded: "generation 2 has not come nearer to its end for 10m0s", rollout.ReasonCrashLoop: "pods of generation 2 fail", rollout.ReasonPaused: "the deployment is paused",
	} {
		_, s := rolls(t, progressing(reason, message))
		require.Equal(t, exitError, s.run("deploy", "rollout", "status", "web"), reason)
		require.Contains(t, s.err, "deployment/web: "+message)
		require.Contains(t, s.err, "hint: `stark deploy describe web`")
	}
	back := complete(3)
	back.RolledBack = &rollout.RolledBack{From: 2, To: 1, Generation: 3}
	_, s := rolls(t, back)
	require.Equal(t, exitError, s.run("deploy", "rollout", "status", "web"))
	require.Contains(t, s.err, "generation 2 of deployment/web crashed; it is back at generation 1")

	f, s := rolls(t)
	f.streams[0] = append(f.streams[0], frame("change", "9", wire.WatchChange{Kind: wire.WatchDeployments, Type: wire.WatchDelete, ID: f.deploys[0].ID.String()}))
	require.Equal(t, exitError, s.run("deploy", "rollout", "status", "web"))
	require.Contains(t, s.err, "deployment/web was deleted")

	_, s = rolls(t, progressing(rollout.ReasonRollingOut, ""))
	require.Equal(t, exitError, s.run("deploy", "rollout", "status", "web", "--timeout", "50ms"))
	require.Contains(t, s.err, "gave up waiting for deployment/web")
	_, s = rolls(t, progressing(rollout.ReasonRollingOut, ""))
	s.watched([]string{"2 of 3 pods"}, "deploy", "rollout", "status", "web")
	require.Contains(t, s.err, "goes on without this command")
}

func TestAPausedDeploymentIsScaledAndAwaited(t *testing.T) {
	t.Parallel()
	paused := complete(2)
	paused.Conditions[0] = rollout.Condition{Type: rollout.Progressing, Reason: rollout.ReasonPaused, Message: "the deployment is paused"}
	_, s := rolls(t, paused)
	require.Contains(t, s.must("deploy", "scale", "web", "--replicas", "3", "--wait"), "deployment/web is rolled out\n")
	many := complete(2)
	many.Desired, many.Replicas, many.Updated, many.Available = 5, 5, 5, 5
	_, s = rolls(t, many, complete(2))
	s.must("deploy", "rollout", "status", "web")
	require.Contains(t, s.err, "3 of 3 pods are updated, 5 available, 2 too many")
}
