package client

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"time"

	"github.com/stark-o/stark/backend/wire"
)

// PriorityClasses lists all of them, the most important first.
func (c *Client) PriorityClasses(ctx context.Context) ([]wire.PriorityClass, error) {
	all := []wire.PriorityClass{}
	_, err := c.do(ctx, call{method: http.MethodGet, path: classPath(), out: &all})
	return all, err
}

// PriorityClass is one of them, by name.
func (c *Client) PriorityClass(ctx context.Context, name string) (class wire.PriorityClass, err error) {
	_, err = c.do(ctx, call{method: http.MethodGet, path: classPath(name), out: &class})
	return class, err
}

// CreatePriorityClass makes one; ErrConflict when the name is taken.
func (c *Client) CreatePriorityClass(ctx context.Context, in wire.PriorityClassCreate) (class wire.PriorityClass, err error) {
	_, err = c.do(ctx, call{method: http.MethodPost, path: classPath(), in: in, out: &class})
	return class, err
}

// UpdatePriorityClass changes what the patch gives; ErrConflict when the revision has moved on.
func (c *Client) UpdatePriorityClass(ctx context.Context, name string, patch wire.PriorityClassPatch) (class wire.PriorityClass, err error) {
	_, err = c.do(ctx, call{method: http.MethodPatch, path: classPath(name), in: patch, out: &class})
	return class, err
}

// DeletePriorityClass removes one; ErrConflict while pods have it.
func (c *Client) DeletePriorityClass(ctx context.Context, name string) error {
	_, err := c.do(ctx, call{method: http.MethodDelete, path: classPath(name)})
	return err
}

func classPath(rest ...string) []string { return append([]string{"api", "priorityclasses"}, rest...) }

// Settings lists every key of the cluster's configuration, set or not.
func (c *Client) Settings(ctx context.Context) ([]wire.Setting, error) {
	all := []wire.Setting{}
	_, err := c.do(ctx, call{method: http.MethodGet, path: settingPath(), out: &all})
	return all, err
}

// Setting is one key; ErrNotFound when there is no such key.
func (c *Client) Setting(ctx context.Context, key string) (setting wire.Setting, err error) {
	_, err = c.do(ctx, call{method: http.MethodGet, path: settingPath(key), out: &setting})
	return setting, err
}

// PutSetting sets a key to a JSON value.
func (c *Client) PutSetting(ctx context.Context, key string, value json.RawMessage) (setting wire.Setting, err error) {
	_, err = c.do(ctx, call{method: http.MethodPut, path: settingPath(key), in: wire.SettingPut{Value: value}, out: &setting})
	return setting, err
}

// ResetSetting makes the default of a key hold again.
func (c *Client) ResetSetting(ctx context.Context, key string) (setting wire.Setting, err error) {
	_, err = c.do(ctx, call{method: http.MethodDelete, path: settingPath(key), out: &setting})
	return setting, err
}

func settingPath(rest ...string) []string { return append([]string{"api", "config"}, rest...) }

// EventFilter narrows a list of events; an empty field is any.
type EventFilter struct {
	Kind, Type, Namespace, Reason, ObjectName string
	Since                                     time.Time
}

// Events lists what happened, newest first; limit and more are as in Pods.
func (c *Client) Events(ctx context.Context, f EventFilter, limit int) (events []wire.Event, more bool, err error) {
	query := url.Values{}
	put(query, "kind", f.Kind)
	put(query, "type", f.Type)
	put(query, "namespace", f.Namespace)
	put(query, "reason", f.Reason)
	put(query, "objectName", f.ObjectName)
	if !f.Since.IsZero() {
		query.Set("since", f.Since.UTC().Format(time.RFC3339Nano))
	}
	return collect[wire.Event](ctx, c, []string{"api", "events"}, query, limit)
}
