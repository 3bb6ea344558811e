package manifest_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/cmd/stark/internal/manifest"
)

func TestChanges(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		want, have string
		changes    []manifest.Change
	}{
		"same":          {`{"spec":{"a":1,"l":[1,2]}}`, `{"spec":{"a":1,"l":[1,2]}}`, nil},
		"left out":      {`{"spec":{"a":1}}`, `{"spec":{"a":1,"b":2},"more":true}`, nil},
		"changed":       {`{"spec":{"a":1,"b":"x"}}`, `{"spec":{"a":2}}`, []manifest.Change{{Path: "spec.a", Have: "2", Want: "1"}, {Path: "spec.b", Want: `"x"`}}},
		"lists whole":   {`{"l":[1]}`, `{"l":[1,2]}`, []manifest.Change{{Path: "l", Have: "[1,2]", Want: "[1]"}}},
		"emptied list":  {`{"l":[]}`, `{"l":[1]}`, []manifest.Change{{Path: "l", Have: "[1]", Want: "[]"}}},
		"empty object":  {`{"m":{}}`, `{"m":{"a":1}}`, nil},
		"no list":       {`{"l":[],"m":{}}`, `{"l":null}`, nil},
		"quantities":    {`{"cpu":"1000m","memory":"1Gi","maxCpu":"2"}`, `{"cpu":"1","memory":"1024Mi","maxCpu":"2000m"}`, nil},
		"no quantities": {`{"env":{"A":"1000m"}}`, `{"env":{"A":"1"}}`, []manifest.Change{{Path: "env.A", Have: `"1"`, Want: `"1000m"`}}},
		"from nothing":  {`{"m":{"a":"b"}}`, `{}`, []manifest.Change{{Path: "m.a", Want: `"b"`}}},
	} {
		got, err := manifest.Changes(json.RawMessage(c.want), json.RawMessage(c.have))
		require.NoError(t, err, name)
		require.Equal(t, c.changes, got, name)
	}
}
