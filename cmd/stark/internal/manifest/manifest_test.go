package manifest_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/cmd/stark/internal/manifest"
)

func read(t *testing.T, text string) ([]manifest.Document, error) {
	t.Helper()
	return manifest.Read([]string{"-"}, strings.NewReader(text))
}

func TestManyDocumentsOfEitherForm(t *testing.T) {
	t.Parallel()
	docs, err := read(t, "# a comment\n---\napiVersion: stark/v1\nkind: Pod\nmetadata: {name: a, labels: {app: x}}\nspec: {pack: hello}\n---\n---\n{\"kind\":\"Namespace\",\"metadata\":{\"name\":\"b\"}}\n")
	require.NoError(t, err)
	require.Len(t, docs, 2)
	require.Equal(t, "Pod", docs[0].Kind)
	require.Equal(t, map[string]string{"app": "x"}, docs[0].Metadata.Labels)
	require.JSONEq(t, `{"pack":"hello"}`, string(docs[0].Spec))
	require.JSONEq(t, `{}`, string(docs[1].Spec))
}

func TestFoldersInOrder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"b.yaml": "kind: Pod\nmetadata: {name: b}", "a.json": `{"kind":"Pod","metadata":{"name":"a"}}`, "c.txt": "no", "d.yml": "kind: Pod\nmetadata: {name: d}",
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	docs, err := manifest.Read([]string{dir}, nil)
	require.NoError(t, err)
	var names []string
	for _, d := range docs {
		names = append(names, d.Metadata.Name)
	}
	require.Equal(t, []string{"a", "b", "d"}, names)
	_, err = manifest.Read([]string{filepath.Join(dir, "none")}, nil)
	require.ErrorContains(t, err, "no such file")
	_, err = manifest.Read([]string{t.TempDir()}, nil)
	require.ErrorContains(t, err, "there are no documents")
}

func TestErrorsNameDocumentAndPath(t *testing.T) {
	t.Parallel()
	good := "kind: Pod\nmetadata: {name: a}\n---\n"
	for text, want := range map[string]string{
		good + "metadata: {name: b}":                                      "standard input: document 2: kind: is missing",
		good + "kind: Pod":                                                "document 2 (Pod): metadata.name: is missing",
		good + "kind: Pod\nmetadata: {name: b, lables: {}}":               "document 2: metadata.lables: there is no such field",
		good + "kind: Pod\nmetadata: {name: [b]}":                         "document 2: metadata.name: want a text, not array",
		good + "apiVersion: apps/v1\nkind: Pod\nmetadata: {name: b}":      "apiVersion: want stark/v1",
		good + "kind: Pod\nkind: Pod":                                     "document 2: ",
		good + "kind: [":                                                  "document 2: ",
		good + "kind: Pod\nmetadata: {name: b}\nstatus: {phase: Running}": "document 2: status: there is no such field",
	} {
		_, err := read(t, text)
		require.ErrorContains(t, err, want, text)
	}
	docs, err := read(t, "kind: Pod\nmetadata: {name: a}\nspec: {resources: {cpus: 1}, replicas: many, list: {}}")
	require.NoError(t, err)
	var spec struct {
		Resources struct {
			CPU string `json:"cpu"`
		} `json:"resources"`
	}
	require.ErrorContains(t, docs[0].DecodeSpec(&spec), "(Pod a): spec.resources.cpus: there is no such field")
	var typed struct {
		Replicas int `json:"replicas"`
	}
	require.ErrorContains(t, docs[0].DecodeSpec(&typed), "(Pod a): spec.replicas: want a whole number, not string")
}

func FuzzRead(f *testing.F) {
	f.Add("kind: Pod\nmetadata: {name: a}\n---\n{}")
	f.Fuzz(func(t *testing.T, text string) {
		docs, err := manifest.Read([]string{"-"}, strings.NewReader(text))
		if err == nil && len(docs) == 0 {
			t.Error("neither documents nor an error")
		}
	})
}
