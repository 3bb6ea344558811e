package manifest

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"
)

// Change is a value that a document wants otherwise than it is.
type Change struct {
	Path string // spec.resources.cpu
	Have string // JSON; "" when there is nothing
	Want string // JSON
}

// Changes compares what is wanted with what there is, both in the form of a document. Only what is wanted counts: what a document leaves out may be
// anything. Lists are compared whole; quantities as amounts, so 1000m is 1.
func Changes(want, have any) ([]Change, error) {
	w, err := form(want)
	if err != nil {
		return nil, err
	}
	h, err := form(have)
	if err != nil {
		return nil, err
	}
	return compare(nil, "", w, h), nil
}

// form is a value as encoding/json sees it.
func form(v any) (any, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode a document: %w", err)
	}
	var plain any
	if err := json.Unmarshal(raw, &plain); err != nil {
		return nil, fmt.Errorf("decode a document: %w", err)
	}
	return plain, nil
}

func compare(found []Change, path string, want, have any) []Change {
	if object, isObject := want.(map[string]any); isObject {
		there, _ := have.(map[string]any)
		for _, key := range slices.Sorted(maps.Keys(object)) {
			found = compare(found, join(path, key), object[key], there[key])
		}
		return found
	}
	if same(path, want, have) {
		return found
	}
	return append(found, Change{Path: path, Have: text(have), Want: text(want)})
}

var quantities = []string{"cpu", "memory", "maxCpu", "maxMemory"}

func same(path string, want, have any) bool {
	if reflect.DeepEqual(want, have) || empty(want) && empty(have) {
		return true
	}
	last := path[strings.LastIndex(path, ".")+1:]
	if !slices.Contains(quantities, last) {
		return false
	}
	w, errW := resource.ParseQuantity(fmt.Sprint(want))
	h, errH := resource.ParseQuantity(fmt.Sprint(have))
	return errW == nil && errH == nil && w.Cmp(h) == 0
}

// empty says that there is nothing in it: no list is the same as an empty one.
func empty(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case []any:
		return len(v) == 0
	case map[string]any:
		return len(v) == 0
	}
	return false
}

func text(v any) string {
	if v == nil {
		return ""
	}
	raw, err := json.Marshal(v)
	if err != nil { // it was JSON a moment ago
		return fmt.Sprint(v)
	}
	return string(raw)
}
