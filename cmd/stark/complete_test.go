package main

import (
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/backend/wire"
)

func TestCompletion(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	s := f.loggedIn()
	f.pods = pods("web", "db")
	f.pods[1].Namespace = "batch"
	f.nodes = []wire.Node{{ID: uuid.New(), Name: "laptop"}}
	for line, want := range map[string]string{
		"pod logs":              "web",
		"pod logs -n batch":     "db",
		"pod logs web":          "",
		"pod stop web":          "web",
		"pod delete":            "web",
		"node drain":            "laptop",
		"node label":            "laptop",
		"node label laptop a=b": "",
		"describe node":         "laptop",
		"get pods -n batch":     "db",
		"context use":           "default",
		"delete":                "pods deployments nodes packs namespaces priorityclasses",
		"get pods -o":           "table wide json yaml name jsonpath=",
	} {
		out := s.must(append(append([]string{"__complete"}, strings.Fields(line)...), "")...)
		words := strings.Fields(out[:strings.LastIndex(out, ":")])
		require.Equal(t, strings.Fields(want), words, line)
	}
	out := f.terminal().must("__complete", "pod", "logs", "")
	require.True(t, strings.HasPrefix(out, ":"), "without a login there is nothing to offer, and no error")
}
