package api

import (
	"encoding/json"
	"math/rand/v2"
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var odd = []any{nil, true, -1, 1.5, 1e300, "", "x", "\x00", "\u202e", "null", []any{}, []any{nil}, map[string]any{}, map[string]any{"": nil}, "9999999999999999999999", "../..", "%"}

// twist puts something odd in the place of one value of a body that is good.
func twist(r *rand.Rand, v any) any {
	object, is := v.(map[string]any)
	if !is || len(object) == 0 || r.IntN(4) == 0 {
		return odd[r.IntN(len(odd))]
	}
	for key, value := range object { // any one of them
		object[key] = twist(r, value)
		break
	}
	return object
}

// Whatever is sent to whichever route, the answer is never that something went wrong on our side.
func TestNothingThatIsSentIsAnInternalError(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.object = []byte("x")
	r := rand.New(rand.NewPCG(7, 7))
	for _, op := range operations {
		if op.media == "text/event-stream" {
			continue
		}
		for range 40 {
			method, path, good := sample(t, op)
			var body any
			if text, is := good.(string); is {
				var v any
				require.NoError(t, json.Unmarshal([]byte(text), &v))
				body = twist(r, v)
			}
			query := url.Values{}
			for _, p := range op.query {
				text, err := json.Marshal(odd[r.IntN(len(odd))])
				require.NoError(t, err)
				query.Set(p.name, string(text))
			}
			a := w.do(method, path+"?"+query.Encode(), body)
			assert.NotEqual(t, 500, a.status, "%s %s %v: %s", op.route, query.Encode(), body, a.body)
		}
	}
}
