package api

import (
	"bytes"
	"encoding/json"
	"regexp"
	"slices"
	"strings"

	"github.com/stark-o/stark/backend/core"
)

// The database enforces all of this too. It is checked here first for the sake of messages that name the field and say what is allowed.
var (
	dnsLabel = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)
	semantic = regexp.MustCompile(`^(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)(-[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?(\+[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?$`)
	cpu      = regexp.MustCompile(`^([0-9]{1,12}m|[0-9]{1,9}(\.[0-9]{1,9})?)$`)
	memory   = regexp.MustCompile(`^[0-9]{1,15}(\.[0-9]{1,9})?(Ki|Mi|Gi|Ti|Pi|k|M|G|T|P)?$`)
	digest   = regexp.MustCompile(`^[0-9a-f]{64}$`)
)

// first is the first problem, nil when there is none.
func first(problems ...error) error {
	for _, err := range problems {
		if err != nil {
			return err
		}
	}
	return nil
}

func needName(field, value string) error {
	if !dnsLabel.MatchString(value) {
		return core.Invalid(field, "must be 1 to 63 of a-z, 0-9 and -, and neither start nor end with -")
	}
	return nil
}

func optionalName(field, value string) error {
	if value == "" {
		return nil
	}
	return needName(field, value)
}

func needOneOf[T ~string](field string, value T, allowed ...T) error {
	if !slices.Contains(allowed, value) {
		return core.Invalid(field, "must be %s", oneOf(allowed))
	}
	return nil
}

// oneOf lists what is allowed: "a", "b" or "c".
func oneOf[T ~string](allowed []T) string {
	var b strings.Builder
	for i, word := range allowed {
		switch {
		case word == "":
			continue // leaving it out is always said elsewhere
		case b.Len() > 0 && i == len(allowed)-1:
			b.WriteString(" or ")
		case b.Len() > 0:
			b.WriteString(", ")
		}
		b.WriteString(string(word))
	}
	return b.String()
}

func checkCPU(field, value string) error {
	if value != "" && !cpu.MatchString(value) {
		return core.Invalid(field, `must be cores or millicores, for example "0.5" or "250m"`)
	}
	return nil
}

func checkMemory(field, value string) error {
	if value != "" && !memory.MatchString(value) {
		return core.Invalid(field, `must be bytes with a suffix, for example "128Mi" or "1Gi"`)
	}
	return nil
}

// checkText bounds a text, in characters; Postgres stores no NUL.
func checkText(field, value string, most int) error {
	if len([]rune(value)) > most || strings.ContainsRune(value, 0) {
		return core.Invalid(field, "must be at most %d characters, without NUL", most)
	}
	return nil
}

// checkMap checks labels, annotations, selectors and environments.
func checkMap(field string, m map[string]string) error {
	for key, value := range m {
		if key == "" || len(key) > 512 || strings.ContainsAny(key, "\x00=") {
			return core.Invalid(field, `keys must be 1 to 512 bytes, without "=" and NUL`)
		}
		if strings.ContainsRune(value, 0) {
			return core.Invalid(field, "values must not contain NUL")
		}
	}
	return nil
}

// rawOf checks that free-form JSON is of the wanted kind, '{' or '['. null is the same as nothing: it becomes nil.
func rawOf(field string, raw *json.RawMessage, open byte) error {
	trimmed := bytes.TrimSpace(*raw)
	if len(trimmed) == 0 || string(trimmed) == "null" {
		*raw = nil
		return nil
	}
	if trimmed[0] != open {
		if open == '[' {
			return core.Invalid(field, "must be an array")
		}
		return core.Invalid(field, "must be an object")
	}
	return nil
}

func checkTaints(field string, taints []core.Taint) error {
	for _, t := range taints {
		if t.Key == "" || strings.ContainsRune(t.Key+t.Value, 0) {
			return core.Invalid(field, "every taint needs a key")
		}
		if err := needOneOf(field+".effect", t.Effect, core.EffectNoSchedule, core.EffectPreferNoSchedule, core.EffectNoExecute); err != nil {
			return err
		}
	}
	return nil
}

// checkTolerations follows Kubernetes' ValidateTolerations.
func checkTolerations(field string, tolerations []core.Toleration) error {
	for _, t := range tolerations {
		if err := needOneOf(field+".operator", t.Operator, "", "Equal", "Exists"); err != nil {
			return err
		}
		if err := needOneOf(field+".effect", t.Effect, "", core.EffectNoSchedule, core.EffectPreferNoSchedule, core.EffectNoExecute); err != nil {
			return err
		}
		switch {
		case t.Key == "" && t.Operator != "Exists":
			return core.Invalid(field+".key", "may be left out only when operator is Exists")
		case t.Operator == "Exists" && t.Value != "":
			return core.Invalid(field+".value", "must be left out when operator is Exists")
		case t.TolerationSeconds != nil && t.Effect != core.EffectNoExecute:
			return core.Invalid(field+".tolerationSeconds", "only means something when effect is NoExecute")
		case strings.ContainsRune(t.Key+t.Value, 0):
			return core.Invalid(field, "must not contain NUL")
		}
	}
	return nil
}

// checkPatch is checkMap for a change of a map, in which null takes a key away.
func checkPatch(field string, patch map[string]*string) error {
	values := make(map[string]string, len(patch))
	for key, value := range patch {
		values[key] = ""
		if value != nil {
			values[key] = *value
		}
	}
	return checkMap(field, values)
}
