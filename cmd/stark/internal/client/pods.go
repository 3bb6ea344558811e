package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"github.com/google/uuid"

	"github.com/stark-o/stark/backend/wire"
)

// PodFilter narrows a list of pods; an empty field is any.
type PodFilter struct {
	Namespace, Name, Status, NodeID, PackID, DeploymentID string
	LabelSelector                                         string // Kubernetes'
	FieldSelector                                         string // Kubernetes'
}

// Pods lists pods, newest first: up to limit (0 is all). more says that the server has others.
func (c *Client) Pods(ctx context.Context, f PodFilter, limit int) (pods []wire.Pod, more bool, err error) {
	query := url.Values{}
	put(query, "namespace", f.Namespace)
	put(query, "name", f.Name)
	put(query, "status", f.Status)
	put(query, "nodeId", f.NodeID)
	put(query, "packId", f.PackID)
	put(query, "deploymentId", f.DeploymentID)
	put(query, "labelSelector", f.LabelSelector)
	put(query, "fieldSelector", f.FieldSelector)
	return collect[wire.Pod](ctx, c, []string{"api", "pods"}, query, limit)
}

// CreatePod asks for a pod.
func (c *Client) CreatePod(ctx context.Context, in wire.PodCreate) (wire.Pod, error) {
	var pod wire.Pod
	_, err := c.do(ctx, call{method: http.MethodPost, path: []string{"api", "pods"}, in: in, out: &pod})
	return pod, err
}

// Pod is one pod. It is ErrNotFound when there is none that the caller may see.
func (c *Client) Pod(ctx context.Context, id uuid.UUID) (wire.Pod, error) {
	var pod wire.Pod
	_, err := c.do(ctx, call{method: http.MethodGet, path: podPath(id), out: &pod})
	return pod, err
}

// ExplainPod is how the nodes look to the pod now. It is ErrNotFound, too, when the server is too old to say, and ErrConflict when the pod has ended.
func (c *Client) ExplainPod(ctx context.Context, id uuid.UUID) (wire.PodExplanation, error) {
	var why wire.PodExplanation
	_, err := c.do(ctx, call{method: http.MethodGet, path: podPath(id, "explain"), out: &why})
	return why, err
}

// StopPod asks for the pod to end; doing so again changes nothing.
func (c *Client) StopPod(ctx context.Context, id uuid.UUID) (wire.Pod, error) {
	var pod wire.Pod
	_, err := c.do(ctx, call{method: http.MethodPost, path: podPath(id, "stop"), out: &pod})
	return pod, err
}

// RollBackPod stops a pod and makes the same one of another version of its pack; "" is the one before. It returns the new one.
func (c *Client) RollBackPod(ctx context.Context, id uuid.UUID, version string) (pod wire.Pod, err error) {
	_, err = c.do(ctx, call{method: http.MethodPost, path: podPath(id, "rollback"), in: wire.PodRollback{Version: version}, out: &pod})
	return pod, err
}

// DeletePod removes the pod, running or not.
func (c *Client) DeletePod(ctx context.Context, id uuid.UUID) error {
	_, err := c.do(ctx, call{method: http.MethodDelete, path: podPath(id)})
	return err
}

// PodHistory is the pod's timeline, oldest first.
func (c *Client) PodHistory(ctx context.Context, id uuid.UUID) ([]wire.PodEvent, error) {
	events := []wire.PodEvent{}
	_, err := c.do(ctx, call{method: http.MethodGet, path: podPath(id, "history"), out: &events})
	return events, err
}

// LogQuery says which lines. Tail > 0 asks for the last ones; else they are those after After, oldest first, at most Limit.
type LogQuery struct {
	After int64 // id of the last line seen; 0 is from the start
	Tail  int
	Limit int // 0 is the server's default
}

// PodLogs is a page of the pod's log, ascending by id.
func (c *Client) PodLogs(ctx context.Context, id uuid.UUID, q LogQuery) ([]wire.PodLogLine, error) {
	query := url.Values{}
	if q.Tail > 0 {
		query.Set("tail", strconv.Itoa(q.Tail))
	} else {
		query.Set("after", strconv.FormatInt(q.After, 10))
	}
	if q.Limit > 0 {
		query.Set("limit", strconv.Itoa(q.Limit))
	}
	var lines []wire.PodLogLine
	_, err := c.do(ctx, call{method: http.MethodGet, path: podPath(id, "logs"), query: query, out: &lines})
	return lines, err
}

func podPath(id uuid.UUID, rest ...string) []string {
	return append([]string{"api", "pods", id.String()}, rest...)
}
