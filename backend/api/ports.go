package api

import (
	"context"
	"encoding/json"
	"io"
	"time"

	"github.com/google/uuid"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/wire"
)

// Verifier turns a token into who asks.
type Verifier interface {
	Verify(ctx context.Context, token string) (core.Actor, error)
}

// Authenticator is Supabase Auth.
type Authenticator interface {
	SignIn(ctx context.Context, email, password string) (wire.Session, error)
	SignUp(ctx context.Context, email, password string) (wire.Session, error)
	Refresh(ctx context.Context, refreshToken string) (wire.Session, error)
	SignOut(ctx context.Context, accessToken, scope string) error
}

// Objects is Supabase Storage. size is in bytes, -1 when unknown.
type Objects interface {
	OpenObject(ctx context.Context, accessToken, bucket, path string) (body io.ReadCloser, size int64, err error)
}

// Store is the database, as the actor. Lists return the cursor of their next page, "" on the last.
type Store interface {
	packStore
	podStore
	nodeStore
	namespaceStore
	deploymentStore
	clusterStore
	userStore
	Whoami(ctx context.Context, actor core.Actor) (wire.User, error)
}

type packStore interface {
	CreatePack(ctx context.Context, actor core.Actor, in wire.PackCreate, size int64) (wire.Pack, error)
	Pack(ctx context.Context, actor core.Actor, id uuid.UUID) (wire.Pack, error)
	ListPacks(ctx context.Context, actor core.Actor, filter wire.PackFilter) ([]wire.Pack, string, error)
	UpdatePack(ctx context.Context, actor core.Actor, id uuid.UUID, patch wire.PackPatch) (wire.Pack, error)
	DeletePack(ctx context.Context, actor core.Actor, id uuid.UUID) error
}

type podStore interface {
	CreatePod(ctx context.Context, actor core.Actor, in wire.PodCreate) (wire.Pod, error)
	Pod(ctx context.Context, actor core.Actor, id uuid.UUID) (wire.Pod, error)
	ListPods(ctx context.Context, actor core.Actor, filter wire.PodFilter) ([]wire.Pod, string, error)
	CreatePods(ctx context.Context, actor core.Actor, in []wire.PodCreate) ([]wire.Pod, error)
	UpdatePod(ctx context.Context, actor core.Actor, id uuid.UUID, patch wire.PodPatch) (wire.Pod, error)
	RollBackPod(ctx context.Context, actor core.Actor, id uuid.UUID, version string) (wire.Pod, error)
	StopPod(ctx context.Context, actor core.Actor, id uuid.UUID) (wire.Pod, error)
	DeletePod(ctx context.Context, actor core.Actor, id uuid.UUID) error
	PreviewPods(ctx context.Context, actor core.Actor, in []wire.PodCreate) ([]*core.Pod, error)
	VisiblePods(ctx context.Context, actor core.Actor, ids []uuid.UUID) ([]uuid.UUID, error)
	PodHistory(ctx context.Context, actor core.Actor, id uuid.UUID) ([]wire.PodEvent, error)
	PodLogs(ctx context.Context, actor core.Actor, id uuid.UUID, want wire.LogQuery) ([]wire.PodLogLine, error)
}

type nodeStore interface {
	CreateNode(ctx context.Context, actor core.Actor, in wire.NodeCreate) (wire.Node, error)
	Node(ctx context.Context, actor core.Actor, idOrName string) (wire.Node, error)
	ListNodes(ctx context.Context, actor core.Actor, filter wire.NodeFilter) ([]wire.Node, string, error)
	UpdateNode(ctx context.Context, actor core.Actor, idOrName string, patch wire.NodePatch) (wire.Node, error)
	DeleteNode(ctx context.Context, actor core.Actor, idOrName string) error
	VisibleNodes(ctx context.Context, actor core.Actor, ids []uuid.UUID) ([]uuid.UUID, error)
}

type namespaceStore interface {
	CreateNamespace(ctx context.Context, actor core.Actor, in wire.NamespaceCreate) (wire.Namespace, error)
	Namespace(ctx context.Context, actor core.Actor, name string) (wire.Namespace, error)
	ListNamespaces(ctx context.Context, actor core.Actor, part wire.Slice) ([]wire.Namespace, string, error)
	UpdateNamespace(ctx context.Context, actor core.Actor, name string, patch wire.NamespacePatch) (wire.Namespace, error)
	DeleteNamespace(ctx context.Context, actor core.Actor, name string) error
}

type deploymentStore interface {
	CreateDeployment(ctx context.Context, actor core.Actor, in wire.DeploymentCreate) (wire.Deployment, error)
	Deployment(ctx context.Context, actor core.Actor, id uuid.UUID) (wire.Deployment, error)
	ListDeployments(ctx context.Context, actor core.Actor, filter wire.DeploymentFilter) ([]wire.Deployment, string, error)
	UpdateDeployment(ctx context.Context, actor core.Actor, id uuid.UUID, patch wire.DeploymentPatch) (wire.Deployment, error)
	UndoDeployment(ctx context.Context, actor core.Actor, id uuid.UUID, back wire.DeploymentRollback) (wire.Deployment, error)
	DeploymentRevisions(ctx context.Context, actor core.Actor, id uuid.UUID) ([]wire.DeploymentRevision, error)
	DeleteDeployment(ctx context.Context, actor core.Actor, id uuid.UUID) error
}

type clusterStore interface {
	CreatePriorityClass(ctx context.Context, actor core.Actor, in wire.PriorityClassCreate) (wire.PriorityClass, error)
	PriorityClass(ctx context.Context, actor core.Actor, name string) (wire.PriorityClass, error)
	ListPriorityClasses(ctx context.Context, actor core.Actor) ([]wire.PriorityClass, error)
	UpdatePriorityClass(ctx context.Context, actor core.Actor, name string, patch wire.PriorityClassPatch) (wire.PriorityClass, error)
	DeletePriorityClass(ctx context.Context, actor core.Actor, name string) error
	Settings(ctx context.Context, actor core.Actor) ([]wire.Setting, error)
	Setting(ctx context.Context, actor core.Actor, key string) (wire.Setting, error)
	PutSetting(ctx context.Context, actor core.Actor, key string, value json.RawMessage, revision *int64) (wire.Setting, error)
	ResetSetting(ctx context.Context, actor core.Actor, key string) (wire.Setting, error)
	ListEvents(ctx context.Context, actor core.Actor, filter wire.EventFilter) ([]wire.Event, string, error)
}

type userStore interface {
	SetupAdmin(ctx context.Context, actor core.Actor, token string) (wire.User, error)
	Account(ctx context.Context, actor core.Actor, id uuid.UUID) (wire.Account, error)
	ListAccounts(ctx context.Context, actor core.Actor, part wire.Slice) ([]wire.Account, string, error)
	UpdateAccount(ctx context.Context, actor core.Actor, id uuid.UUID, patch wire.AccountPatch) (wire.Account, error)
}

// Advisor says what the scheduler would do, by this server's picture of the whole cluster, whoever asks.
type Advisor interface {
	Explain(ctx context.Context, pod uuid.UUID) (wire.PodExplanation, error)
	// CheckSetting refuses a value that the database would take and that means nothing.
	CheckSetting(key string, value json.RawMessage) error
	// Plan is told pods as they would be, deployments that would have fewer replicas, and nodes that would be drained.
	Plan(ctx context.Context, create []*core.Pod, shrink map[uuid.UUID]int32, drain []uuid.UUID) (wire.Plan, error)
}

// Watches tells what changes. Open refuses, or returns the stream, which is to be called once: it sends frames until ctx ends or send fails, and
// returns why it ended. What send is given is its to read until it returns.
type Watches interface {
	Open(ctx context.Context, actor core.Actor, query wire.WatchQuery) (stream func(ctx context.Context, send func([]wire.WatchFrame) error) error, err error)
}

// Sockets speaks the agent protocol on connections that have been upgraded. Serve owns conn until it returns and must not touch it afterwards:
// the web framework uses it again for another client.
type Sockets interface {
	Serve(conn SocketConn, remoteAddr string)
}

// SocketsFunc is a function as Sockets.
type SocketsFunc func(conn SocketConn, remoteAddr string)

// Serve calls f.
func (f SocketsFunc) Serve(conn SocketConn, remoteAddr string) { f(conn, remoteAddr) }

// SocketConn is one WebSocket, whose ReadMessage says wire.ErrGoingAway when its page was closed. As in gorilla/websocket: one reader and one writer at a time; WriteControl and Close at any time.
type SocketConn interface {
	ReadMessage() (messageType int, data []byte, err error)
	WriteMessage(messageType int, data []byte) error
	WriteControl(messageType int, data []byte, deadline time.Time) error
	SetReadDeadline(t time.Time) error
	SetWriteDeadline(t time.Time) error
	SetReadLimit(limit int64)
	Close() error
}
