// Package manifest reads the documents of apply, diff and plan: YAML or JSON, many in a file, in Kubernetes' form.
package manifest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	kyaml "k8s.io/apimachinery/pkg/util/yaml"
	kjson "sigs.k8s.io/json"
	"sigs.k8s.io/yaml"
)

// maxFile bounds a file of documents, in bytes.
const maxFile = 16 << 20

// Metadata is what every document has.
type Metadata struct {
	Name        string            `json:"name"`
	Namespace   string            `json:"namespace,omitempty"`
	Labels      map[string]string `json:"labels,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

// Document is one thing as somebody wants it.
type Document struct {
	Where    string // file and number, for errors
	Kind     string
	Metadata Metadata
	Spec     json.RawMessage // an object
}

// Error is something wrong in a document, with its place.
type Error struct {
	Where string // file, document
	Path  string // in the document: spec.resources.cpu; "" is all of it
	Cause error
}

// Error is file, document, path and what is wrong.
func (e *Error) Error() string {
	if e.Path == "" {
		return fmt.Sprintf("%s: %v", e.Where, e.Cause)
	}
	return fmt.Sprintf("%s: %s: %v", e.Where, e.Path, e.Cause)
}

// Unwrap gives what is wrong.
func (e *Error) Unwrap() error { return e.Cause }

// Wrong is an Error in this document.
func (d Document) Wrong(path string, format string, args ...any) error {
	return &Error{Where: d.Where, Path: path, Cause: fmt.Errorf(format, args...)}
}

// Read reads all documents of the sources in order: files, folders (their .yaml, .yml and .json files, sorted, not those of folders in them), or "-"
// for in. All that is wrong with any of them is told at once.
func Read(sources []string, in io.Reader) ([]Document, error) {
	var all []Document
	var wrong []error
	for _, source := range sources {
		files, err := filesOf(source)
		if err != nil {
			return nil, err
		}
		for _, file := range files {
			docs, err := readFile(file, in)
			all = append(all, docs...)
			if err != nil {
				wrong = append(wrong, err)
			}
		}
	}
	if len(wrong) > 0 {
		return nil, errors.Join(wrong...)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("there are no documents in %s", strings.Join(sources, ", "))
	}
	return all, nil
}

func filesOf(source string) ([]string, error) {
	if source == "-" {
		return []string{source}, nil
	}
	info, err := os.Stat(source)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", source, plain(err))
	}
	if !info.IsDir() {
		return []string{source}, nil
	}
	entries, err := os.ReadDir(source)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", source, plain(err))
	}
	var files []string
	for _, entry := range entries { // sorted by name
		if !entry.IsDir() && slices.Contains([]string{".yaml", ".yml", ".json"}, filepath.Ext(entry.Name())) {
			files = append(files, filepath.Join(source, entry.Name()))
		}
	}
	return files, nil
}

func plain(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

func readFile(file string, in io.Reader) ([]Document, error) {
	name := file
	if file == "-" {
		name = "standard input"
	} else {
		f, err := os.Open(file)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", file, plain(err))
		}
		defer func() { _ = f.Close() }() // it was only read
		in = f
	}
	return parse(name, in)
}

// parse reads a stream of documents; name is for errors. Empty documents are left out.
func parse(name string, in io.Reader) ([]Document, error) {
	text, err := io.ReadAll(io.LimitReader(in, maxFile+1))
	if err == nil && len(text) > maxFile {
		err = fmt.Errorf("it has more than %d bytes", maxFile)
	}
	if err != nil {
		return nil, &Error{Where: name, Cause: err}
	}
	reader := kyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(text)))
	var docs []Document
	var wrong []error
	for n := 1; ; n++ {
		raw, err := reader.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		where := fmt.Sprintf("%s: document %d", name, n)
		if err != nil {
			return nil, &Error{Where: where, Cause: err}
		}
		doc, err := parseOne(where, raw)
		switch {
		case err != nil:
			wrong = append(wrong, err)
		case doc.Kind != "":
			docs = append(docs, doc)
		}
	}
	return docs, errors.Join(wrong...)
}

func parseOne(where string, raw []byte) (Document, error) {
	converted, err := yaml.YAMLToJSONStrict(raw) // JSON is YAML; a key that comes twice is an error
	if err != nil {
		return Document{}, &Error{Where: where, Cause: err}
	}
	if bytes.Equal(bytes.TrimSpace(converted), []byte("null")) {
		return Document{}, nil
	}
	var body struct {
		APIVersion string          `json:"apiVersion"`
		Kind       string          `json:"kind"`
		Metadata   Metadata        `json:"metadata"`
		Spec       json.RawMessage `json:"spec"`
	}
	if err := strict(where, "", converted, &body); err != nil {
		return Document{}, err
	}
	doc := Document{Where: where, Kind: body.Kind, Metadata: body.Metadata, Spec: body.Spec}
	switch {
	case doc.Kind == "":
		return doc, doc.Wrong("kind", "is missing")
	case body.APIVersion != "" && body.APIVersion != "stark/v1":
		return doc, doc.Wrong("apiVersion", "want stark/v1, not %q", body.APIVersion)
	}
	doc.Where = fmt.Sprintf("%s (%s)", where, strings.TrimSpace(doc.Kind+" "+doc.Metadata.Name))
	if doc.Metadata.Name == "" {
		return doc, doc.Wrong("metadata.name", "is missing")
	}
	if len(doc.Spec) == 0 || string(doc.Spec) == "null" {
		doc.Spec = json.RawMessage("{}")
	}
	return doc, nil
}

// DecodeSpec reads the spec; a field that does not exist is an error with its path.
func (d Document) DecodeSpec(into any) error { return strict(d.Where, "spec", d.Spec, into) }

// strict decodes; what is wrong is told with its path under prefix.
func strict(where, prefix string, raw []byte, into any) error {
	unknown, err := kjson.UnmarshalStrict(raw, into)
	var mistyped *json.UnmarshalTypeError
	switch {
	case errors.As(err, &mistyped):
		return &Error{Where: where, Path: join(prefix, mistyped.Field), Cause: fmt.Errorf("want %s, not %s", nameOf(mistyped.Type.String()), mistyped.Value)}
	case err != nil:
		return &Error{Where: where, Path: prefix, Cause: err}
	}
	var wrong []error
	for _, e := range unknown {
		path := prefix
		var field kjson.FieldError
		if errors.As(e, &field) {
			path = join(prefix, field.FieldPath())
		}
		wrong = append(wrong, &Error{Where: where, Path: path, Cause: errors.New("there is no such field")})
	}
	return errors.Join(wrong...)
}

// nameOf is a type as authors of YAML call it.
func nameOf(goType string) string {
	switch strings.TrimPrefix(goType, "*") {
	case "string":
		return "a text"
	case "int", "int32", "int64":
		return "a whole number"
	case "bool":
		return "true or false"
	}
	if strings.HasPrefix(goType, "[]") {
		return "a list"
	}
	return "an object"
}

func join(prefix, path string) string {
	if prefix == "" || path == "" {
		return prefix + path
	}
	return prefix + "." + path
}
