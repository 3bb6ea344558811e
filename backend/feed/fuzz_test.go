package feed

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/backend/core"
)

// FuzzMessage feeds whatever to the assembler: it must answer with an error, never panic, and go on to work.
func FuzzMessage(f *testing.F) {
	for _, m := range [][]byte{
		beginMessage(), commitMessage(1), configRelation(7), relationMessage(1, "other", "pods", "id"), truncateMessage(7), {}, []byte("O"), []byte("Y"),
	} {
		f.Add(m)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 0 && bytes.IndexByte([]byte("IUDT"), data[0]) >= 0 {
			return // what a made-up length costs is memory; FuzzDecode has rows
		}
		a := newAssembler()
		feedAll(t, a, beginMessage(), configRelation(7))
		_, _ = a.message(data)
		feedAll(t, a, beginMessage(), configRelation(7), insertMessage(7, texts("a", "1")), commitMessage(1))
	})
}

// FuzzDecode puts anything into the cells of a row, through the whole way of a message. What comes out must be whole.
func FuzzDecode(f *testing.F) {
	pod := podText()
	for _, column := range podColumns {
		f.Add("pods", column, []byte(pod[column]), byte('t'))
	}
	f.Add("pods", "tolerations", []byte(`[{"key":1}]`), byte('t'))
	f.Add("pods", "created_at", []byte("infinity"), byte('t'))
	f.Add("nodes", "taints", []byte(`["x"]`), byte('t'))
	f.Add("nodes", "labels", []byte(`{"a":["b"]}`), byte('u'))
	f.Add("packs", "bundle_path", []byte("x"), byte('n'))
	f.Add("namespaces", "labels", []byte("{}"), byte('u'))
	f.Add("priority_classes", "value", []byte("99999999999"), byte('t'))
	f.Add("cluster_config", "value", []byte("{"), byte('t'))
	f.Fuzz(func(t *testing.T, table, column string, text []byte, kind byte) {
		known, ok := tables[table]
		if !ok {
			return
		}
		cells := make([]cell, len(known.needs))
		for i, name := range known.needs {
			cells[i].text = []byte(podText()[name])
			if podText()[name] == null {
				cells[i].text = nil
			}
			if name == column {
				cells[i] = cell{text: text, unchanged: kind == 'u'}
				if kind == 'n' || kind == 'u' {
					cells[i].text = nil
				}
			}
		}
		a := newAssembler()
		feedAll(t, a, beginMessage(), relationMessage(1, "public", table, known.needs...))
		if _, err := a.message(insertMessage(1, cells)); err != nil {
			return
		}
		changes := feedAll(t, a, commitMessage(1))
		require.Len(t, changes.Events, 1)
		if e, is := changes.Events[0].(core.PodUpserted); is {
			require.Equal(t, kind == 'u' && isLarge(column), e.Missing != 0)
		}
	})
}

func isLarge(podColumn string) bool {
	switch podColumn {
	case "env", "args", "metadata", "node_selector", "tolerations", "affinity", "labels", "reason":
		return true
	}
	return false
}
