package output

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"k8s.io/client-go/util/jsonpath"
)

// parsePath reads a template of kubectl's: {.name}, {range [*]}{.name}{"\n"}{end}. As there, braces and the first dot may be left out.
// Source: https://kubernetes.io/docs/reference/kubectl/jsonpath/
func parsePath(template string) (*jsonpath.JSONPath, error) {
	if template == "" {
		return nil, fmt.Errorf("%w: the template is empty", ErrFormat)
	}
	if !strings.Contains(template, "{") {
		if template[0] != '.' && template[0] != '[' {
			template = "." + template
		}
		template = "{" + template + "}"
	}
	path := jsonpath.New("output").AllowMissingKeys(true)
	if err := path.Parse(template); err != nil {
		return nil, fmt.Errorf("-o jsonpath: %w", err)
	}
	return path, nil
}

// evaluate applies a template to what v is in JSON. What the template does not end with a line end gets one.
func evaluate(template string, v any) ([]byte, error) {
	path, err := parsePath(template)
	if err != nil {
		return nil, err
	}
	raw, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	var plain any
	if err := json.Unmarshal(raw, &plain); err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := path.Execute(&out, plain); err != nil {
		return nil, err
	}
	lines := strings.Split(out.String(), "\n")
	for i, line := range lines {
		cells := strings.Split(line, "\t")
		for n := range cells {
			cells[n] = Clean(cells[n])
		}
		lines[i] = strings.Join(cells, "\t")
	}
	text := strings.Join(lines, "\n")
	if text != "" && !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	return []byte(text), nil
}
