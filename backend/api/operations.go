package api

import (
	"encoding/json"
	"reflect"
	"time"

	"github.com/google/uuid"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/wire"
)

// operation describes one route to those who call it. What follows from its kind is derived (openapi.go): who is asked for a token, that ids may be
// unknown and bodies wrong.
type operation struct {
	route    string // "GET /api/pods/:id", as it is mounted
	summary  string
	public   bool // needs no token
	query    []parameter
	body     any         // a zero value of the body's type; nil takes none
	optional bool        // the body may be left out
	status   int         // of the good answer; 200 when 0
	data     any         // a zero value of what `data` holds; nil is null
	paged    bool        // `data` is a list of that, with a page
	media    string      // of an answer that is no JSON envelope
	once     bool        // takes an Idempotency-Key
	refuses  []core.Code // besides those that are derived
}

type parameter struct {
	name, about string
	kind        any // a zero value
	enum        []any
}

var (
	slice    = []parameter{{name: "limit", about: "1 to 500; 50 when left out", kind: int64(0)}, {name: "cursor", about: "the page.next of the answer before", kind: ""}}
	named    = parameter{name: "name", about: "exactly this name", kind: ""}
	inSpace  = parameter{name: "namespace", about: "in this namespace", kind: ""}
	ofPack   = parameter{name: "packId", about: "of this pack version", kind: uuid.UUID{}}
	changing = []core.Code{core.CodeForbidden, core.CodeConflict}
)

func query(more ...parameter) []parameter { return append(more, slice...) }

// neededFields are those without which a body is refused.
var neededFields = map[reflect.Type][]string{
	reflect.TypeFor[wire.Login]():               {"email", "password"},
	reflect.TypeFor[wire.Register]():            {"email", "password"},
	reflect.TypeFor[wire.Refresh]():             {"refreshToken"},
	reflect.TypeFor[wire.Setup]():               {"token"},
	reflect.TypeFor[wire.PackCreate]():          {"name", "version", "runtimeTag", "bundlePath"},
	reflect.TypeFor[wire.NodeCreate]():          {"name", "runtimeType"},
	reflect.TypeFor[wire.NamespaceCreate]():     {"name"},
	reflect.TypeFor[wire.DeploymentCreate]():    {"name"},
	reflect.TypeFor[wire.DeploymentScale]():     {"replicas"},
	reflect.TypeFor[wire.PriorityClassCreate](): {"name", "value"},
	reflect.TypeFor[wire.SettingPut]():          {"value"},
	reflect.TypeFor[wire.PodBatch]():            {"pods"},
}

// operations are all routes; a test holds that there is a line for each that is mounted, and for nothing else.
var operations = []operation{
	{route: "GET /health", summary: "The process is alive", public: true, data: healthy{}},
	{route: "GET /ready", summary: "The server can do its work; a failure says what is missing", public: true, data: json.RawMessage{}},
	{route: "GET /openapi.json", summary: "This document", public: true, media: "application/json"},
	{route: "GET /docs", summary: "This document as a page", public: true, media: "text/html"},
	{route: "GET /ws", summary: "The agents' WebSocket; docs/protocol.md describes it", public: true, status: 101, refuses: []core.Code{core.CodeValidation, core.CodeForbidden}},

	{route: "POST /auth/login", summary: "A password for a session", public: true, body: wire.Login{}, data: wire.Session{}, refuses: []core.Code{core.CodeUnauthenticated}},
	{route: "POST /auth/register", summary: "A new account; the tokens are empty when the address has to be confirmed first", public: true, body: wire.Register{}, status: 201, data: wire.Session{}, refuses: []core.Code{core.CodeConflict}},
	{route: "POST /auth/refresh", summary: "A refresh token, which is then used up, for a session", public: true, body: wire.Refresh{}, data: wire.Session{}, refuses: []core.Code{core.CodeUnauthenticated}},
	{route: "POST /auth/logout", summary: "Ends sessions of the caller", query: []parameter{{name: "scope", about: "local when left out", kind: "", enum: []any{"local", "global", "others"}}}},
	{route: "GET /auth/whoami", summary: "Who the caller is, and the role that counts", data: wire.User{}},
	{route: "POST /auth/setup", summary: "The token of the first start makes the caller the first admin", body: wire.Setup{}, data: wire.User{}, refuses: changing},

	{route: "GET /api/info", summary: "Which Supabase this server works with", public: true, data: wire.ServerInfo{}},
	{route: "GET /api/watch", summary: "What changes, as server-sent events; docs/api.md describes them", media: "text/event-stream", query: []parameter{
		{name: "kinds", about: "some of pods, nodes, packs, deployments, namespaces and events, with commas between", kind: ""}, inSpace, {name: "cursor", about: "to go on from", kind: ""}},
		refuses: []core.Code{core.CodeForbidden, core.CodeRateLimited}},

	{route: "GET /api/users", summary: "The users", query: slice, data: wire.Account{}, paged: true},
	{route: "GET /api/users/:id", summary: "A user", data: wire.Account{}},
	{route: "PATCH /api/users/:id", summary: "Changes a role or a name", body: wire.AccountPatch{}, data: wire.Account{}, refuses: changing},

	{route: "GET /api/packs", summary: "The packs that the caller may see", query: query(named), data: wire.Pack{}, paged: true},
	{route: "POST /api/packs", summary: "Registers a bundle that lies in Storage", body: wire.PackCreate{}, status: 201, data: wire.Pack{}, refuses: changing},
	{route: "GET /api/packs/:id", summary: "A version of a pack", data: wire.Pack{}},
	{route: "PATCH /api/packs/:id", summary: "Changes visibility, description or metadata", body: wire.PackPatch{}, data: wire.Pack{}, refuses: changing},
	{route: "DELETE /api/packs/:id", summary: "Deletes a version that no pod refers to", refuses: changing},

	{route: "GET /api/pods", summary: "The pods", query: query(inSpace, named, parameter{name: "status", about: "in this state", kind: "", enum: words(core.PodStatuses)},
		parameter{name: "nodeId", about: "on this node", kind: uuid.UUID{}}, ofPack, parameter{name: "createdBy", about: "of this user", kind: uuid.UUID{}},
		parameter{name: "deploymentId", about: "that this deployment keeps", kind: uuid.UUID{}}, parameter{name: "labelSelector", about: "as in Kubernetes", kind: ""},
		parameter{name: "fieldSelector", about: "metadata.name=, metadata.namespace=, spec.nodeName=, status.phase= and status.phase!=, with commas between", kind: ""}), data: wire.Pod{}, paged: true},
	{route: "POST /api/pods", summary: "A new pod", once: true, body: wire.PodCreate{}, status: 201, data: wire.Pod{}, refuses: []core.Code{core.CodeForbidden, core.CodeQuota, core.CodeNotFound, core.CodeConflict}},
	{route: "POST /api/pods/batch", summary: "Up to 1000 new pods: all of them, or none", once: true, body: wire.PodBatch{}, status: 201, data: []wire.Pod{}, refuses: []core.Code{core.CodeForbidden, core.CodeQuota, core.CodeNotFound, core.CodeConflict}},
	{route: "GET /api/pods/:id", summary: "A pod", data: wire.Pod{}},
	{route: "PATCH /api/pods/:id", summary: "Changes labels or annotations; what a pod runs never changes", body: wire.PodPatch{}, data: wire.Pod{}, refuses: changing},
	{route: "GET /api/pods/:id/status", summary: "How a pod is", data: wire.PodState{}},
	{route: "GET /api/pods/:id/explain", summary: "What each node says to a pod, as of now", query: []parameter{{name: "limit", about: "so many nodes at most", kind: int64(0)}}, data: wire.PodExplanation{}},
	{route: "POST /api/pods/:id/rollback", summary: "Stops a pod and makes another of an earlier version of its pack", body: wire.PodRollback{}, optional: true, status: 201, data: wire.Pod{}, refuses: []core.Code{core.CodeForbidden, core.CodeConflict, core.CodeQuota}},
	{route: "DELETE /api/pods/:id", summary: "Deletes a pod that has ended", refuses: changing},
	{route: "POST /api/pods/:id/stop", summary: "Asks for a pod to stop", data: wire.Pod{}, refuses: changing},
	{route: "GET /api/pods/:id/history", summary: "What happened to a pod", data: wire.PodEvent{}, paged: true},
	{route: "GET /api/pods/:id/logs", summary: "What a pod wrote, oldest first", query: []parameter{{name: "after", about: "only lines with a greater id", kind: int64(0)},
		{name: "tail", about: "only the newest so many", kind: int64(0)}, {name: "limit", about: "1 to 5000", kind: int64(0)}}, data: wire.PodLogLine{}, paged: true},

	{route: "GET /api/nodes", summary: "The nodes", query: query(named, parameter{name: "status", about: "in this state", kind: "", enum: enums[reflect.TypeFor[core.NodeStatus]()]},
		parameter{name: "runtimeType", about: "of this runtime", kind: "", enum: enums[reflect.TypeFor[core.Runtime]()]}), data: wire.Node{}, paged: true},
	{route: "POST /api/nodes", summary: "Registers a node before its agent comes", body: wire.NodeCreate{}, status: 201, data: wire.Node{}, refuses: changing},
	{route: "GET /api/nodes/:id", summary: "A node, by id or name", data: wire.Node{}},
	{route: "PATCH /api/nodes/:id", summary: "Changes labels, annotations, taints, access or unschedulable", body: wire.NodePatch{}, data: wire.Node{}, refuses: changing},
	{route: "DELETE /api/nodes/:id", summary: "Deletes a node", refuses: changing},
	{route: "POST /api/nodes/:id/cordon", summary: "It takes no new pods", data: wire.Node{}, refuses: changing},
	{route: "POST /api/nodes/:id/uncordon", summary: "It takes pods again, and a drain is taken back", data: wire.Node{}, refuses: changing},
	{route: "POST /api/nodes/:id/drain", summary: "Its pods are to leave it", body: wire.NodeDrain{}, optional: true, data: wire.Node{}, refuses: changing},

	{route: "GET /api/namespaces", summary: "The namespaces", query: slice, data: wire.Namespace{}, paged: true},
	{route: "POST /api/namespaces", summary: "A new namespace", body: wire.NamespaceCreate{}, status: 201, data: wire.Namespace{}, refuses: changing},
	{route: "GET /api/namespaces/:name", summary: "A namespace", data: wire.Namespace{}},
	{route: "PATCH /api/namespaces/:name", summary: "Changes labels, quota or defaults", body: wire.NamespacePatch{}, data: wire.Namespace{}, refuses: changing},
	{route: "DELETE /api/namespaces/:name", summary: "Deletes an empty namespace", refuses: changing},

	{route: "GET /api/deployments", summary: "The deployments", query: query(inSpace, named, ofPack), data: wire.Deployment{}, paged: true},
	{route: "POST /api/deployments", summary: "A new deployment", once: true, body: wire.DeploymentCreate{}, status: 201, data: wire.Deployment{}, refuses: []core.Code{core.CodeForbidden, core.CodeConflict, core.CodeNotFound}},
	{route: "GET /api/deployments/:id", summary: "A deployment", data: wire.Deployment{}},
	{route: "PATCH /api/deployments/:id", summary: "Changes a deployment; another pack or spec is a new generation", body: wire.DeploymentPatch{}, data: wire.Deployment{}, refuses: changing},
	{route: "DELETE /api/deployments/:id", summary: "Deletes a deployment, and its pods stop", refuses: changing},
	{route: "GET /api/deployments/:id/revisions", summary: "What its generations were", data: wire.DeploymentRevision{}, paged: true},
	{route: "POST /api/deployments/:id/scale", summary: "Another number of pods", body: wire.DeploymentScale{}, data: wire.Deployment{}, refuses: changing},
	{route: "POST /api/deployments/:id/pause", summary: "Its rollout stops where it is", data: wire.Deployment{}, refuses: changing},
	{route: "POST /api/deployments/:id/resume", summary: "Its rollout goes on", data: wire.Deployment{}, refuses: changing},
	{route: "POST /api/deployments/:id/rollback", summary: "Back to an earlier generation", body: wire.DeploymentRollback{}, optional: true, data: wire.Deployment{}, refuses: changing},

	{route: "GET /api/priorityclasses", summary: "The priority classes", data: wire.PriorityClass{}, paged: true},
	{route: "POST /api/priorityclasses", summary: "A new priority class", body: wire.PriorityClassCreate{}, status: 201, data: wire.PriorityClass{}, refuses: changing},
	{route: "GET /api/priorityclasses/:name", summary: "A priority class", data: wire.PriorityClass{}},
	{route: "PATCH /api/priorityclasses/:name", summary: "Changes description or globalDefault", body: wire.PriorityClassPatch{}, data: wire.PriorityClass{}, refuses: changing},
	{route: "DELETE /api/priorityclasses/:name", summary: "Deletes a priority class", refuses: changing},

	{route: "GET /api/config", summary: "The cluster's settings", data: wire.Setting{}, paged: true},
	{route: "GET /api/config/:key", summary: "A setting", data: wire.Setting{}},
	{route: "PUT /api/config/:key", summary: "Another value", body: wire.SettingPut{}, data: wire.Setting{}, refuses: changing},
	{route: "DELETE /api/config/:key", summary: "The default holds again", data: wire.Setting{}, refuses: changing},

	{route: "POST /api/plan", summary: "What would come of new pods and deployments, of scaling and of draining; writes nothing", body: wire.PlanRequest{}, data: wire.Plan{}, refuses: []core.Code{core.CodeForbidden, core.CodeNotFound, core.CodeQuota}},

	{route: "GET /api/events", summary: "What happened in the cluster, newest first", query: query(parameter{name: "kind", about: "about such a thing", kind: "", enum: words(eventKinds)},
		parameter{name: "type", about: "of this type", kind: "", enum: []any{"Normal", "Warning"}}, parameter{name: "objectId", about: "about this object", kind: uuid.UUID{}},
		parameter{name: "objectName", about: "about objects of this name", kind: ""}, inSpace, parameter{name: "reason", about: "for this reason", kind: ""},
		parameter{name: "since", about: "not before", kind: time.Time{}}), data: wire.Event{}, paged: true},
}
