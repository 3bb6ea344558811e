package storage_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

type transfer = map[string]any

func TestMoveByActor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	from, to := aliceID+"/a.txt", aliceID+"/b.txt"
	w.put("docs/"+from, "hello")
	w.put("frozen/"+from, "hello")
	body := transfer{"bucketId": "docs", "sourceKey": from, "destinationKey": to}
	noObject := problem{"404", "not_found", "NoSuchKey", "Object not found"}
	for _, who := range []actor{w.anon, w.bob} {
		require.Equal(t, noObject, w.json(who, http.MethodPost, "/object/move", body).problem(t), who.name)
	}
	require.Equal(t, "headers must have required property 'authorization'", w.json(w.nobody, http.MethodPost, "/object/move", body).problem(t).Message)
	// Alice sees this one, and may not update it.
	frozen := transfer{"bucketId": "frozen", "sourceKey": from, "destinationKey": to}
	require.Equal(t, noObject, w.json(w.alice, http.MethodPost, "/object/move", frozen).problem(t))
	refusal := problem{"403", "Unauthorized", "AccessDenied", denied}
	for _, into := range []transfer{
		{"bucketId": "docs", "sourceKey": from, "destinationKey": bobID + "/a.txt"},
		{"bucketId": "docs", "sourceKey": from, "destinationKey": to, "destinationBucket": "frozen"},
	} {
		require.Equal(t, refusal, w.json(w.alice, http.MethodPost, "/object/move", into).problem(t))
	}
	require.Len(t, w.files(), 2, "no second place is left of what was refused")
	require.Equal(t, "hello", w.get(w.alice, "/object/docs/"+from).body)

	a := w.json(w.alice, http.MethodPost, "/object/move", body)
	require.JSONEq(t, `{"message":"Successfully moved"}`, a.body)
	require.Equal(t, "hello", w.get(w.alice, "/object/docs/"+to).body)
	require.Equal(t, noObject, w.get(w.alice, "/object/docs/"+from).problem(t))
	require.Len(t, w.files(), 2)
	require.Equal(t, 2, w.rows())
	// To where it is already.
	require.Equal(t, http.StatusOK, w.json(w.alice, http.MethodPost, "/object/move", transfer{"bucketId": "docs", "sourceKey": to, "destinationKey": to}).status)
	require.Equal(t, "hello", w.get(w.alice, "/object/docs/"+to).body)
}

func TestMoveAndCopyIntoWhatIsThere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.put("docs/a", "a")
	w.put("docs/b", "b")
	exists := map[string]problem{
		"move": {"409", "Duplicate", "ResourceAlreadyExists", "The resource already exists"},
		"copy": {"409", "Duplicate", "KeyAlreadyExists", "The resource already exists"},
	}
	for _, verb := range []string{"move", "copy"} {
		path := "/object/" + verb
		require.Equal(t, exists[verb], w.json(w.service, http.MethodPost, path, transfer{"bucketId": "docs", "sourceKey": "a", "destinationKey": "b"}).problem(t))
		require.Equal(t, "NoSuchKey", w.json(w.service, http.MethodPost, path, transfer{"bucketId": "docs", "sourceKey": "x", "destinationKey": "y"}).problem(t).Code)
		require.Equal(t, "NoSuchKey", w.json(w.service, http.MethodPost, path, transfer{"bucketId": "none", "sourceKey": "a", "destinationKey": "y"}).problem(t).Code)
		missing := w.json(w.service, http.MethodPost, path, transfer{"bucketId": "docs", "sourceKey": "a", "destinationKey": "y", "destinationBucket": "none"})
		require.Equal(t, problem{"404", "InvalidRequest", "InvalidRequest", "The related resource does not exist"}, missing.problem(t))
		require.Equal(t, "InvalidKey", w.json(w.service, http.MethodPost, path, transfer{"bucketId": "docs", "sourceKey": "a", "destinationKey": "ä"}).problem(t).Code)
		require.Equal(t, "body must have required property 'sourceKey'", w.json(w.service, http.MethodPost, path, transfer{"bucketId": "docs"}).problem(t).Message)
	}
	require.Len(t, w.files(), 2)
	require.Equal(t, "b", w.get(w.service, "/object/docs/b").body)
}

// The bucket's limits hold for what comes from another one.
func TestMoveAndCopyIntoABucketWithLimits(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.put("docs/big", string(make([]byte, 1001)))
	w.put("docs/page", "<p>", "Content-Type", "text/html")
	w.put("docs/fits", "fits")
	for _, verb := range []string{"copy", "move"} {
		into := func(key string) answer {
			return w.json(w.service, http.MethodPost, "/object/"+verb,
				transfer{"bucketId": "docs", "sourceKey": key, "destinationBucket": "small", "destinationKey": verb})
		}
		require.Equal(t, "EntityTooLarge", into("big").problem(t).Code)
		require.Equal(t, "InvalidMimeType", into("page").problem(t).Code)
		require.Equal(t, http.StatusOK, into("fits").status)
		require.Equal(t, "fits", w.get(w.service, "/object/small/"+verb).body)
	}
	require.Len(t, w.files(), 4)
}

func TestCopyByActor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	from, to := aliceID+"/a.txt", aliceID+"/b.txt"
	w.put("docs/"+from, "hello", "Cache-Control", "max-age=60", "x-metadata", "eyJzaGFwZSI6InJvdW5kIn0=")
	body := transfer{"bucketId": "docs", "sourceKey": from, "destinationKey": to}
	for _, who := range []actor{w.anon, w.bob} {
		require.Equal(t, "NoSuchKey", w.json(who, http.MethodPost, "/object/copy", body).problem(t).Code, who.name)
	}
	elsewhere := transfer{"bucketId": "docs", "sourceKey": from, "destinationKey": bobID + "/b.txt"}
	require.Equal(t, problem{"403", "Unauthorized", "AccessDenied", denied}, w.json(w.alice, http.MethodPost, "/object/copy", elsewhere).problem(t))
	require.Len(t, w.files(), 1)

	made := decode[map[string]any](t, w.json(w.alice, http.MethodPost, "/object/copy", body))
	require.Equal(t, "docs/"+to, made["Key"])
	require.Equal(t, made["id"], made["Id"])
	require.Equal(t, aliceID, made["owner_id"])
	require.Equal(t, to, made["name"])
	info := decode[map[string]any](t, w.get(w.alice, "/object/info/docs/"+to))
	require.Equal(t, map[string]any{"shape": "round"}, info["metadata"])
	require.Equal(t, "max-age=60", info["cache_control"])
	require.Equal(t, made["id"], info["id"])
	// The copy outlives its source.
	require.Equal(t, http.StatusOK, w.do(w.alice, http.MethodDelete, "/object/docs/"+from, nil).status)
	require.Equal(t, "hello", w.get(w.alice, "/object/docs/"+to).body)
	require.Len(t, w.files(), 1)

	// With metadata of its own, over one that is there.
	w.put("docs/"+from, "other")
	text := `{"bucketId":"docs","sourceKey":"` + to + `","destinationKey":"` + from + `","copyMetadata":false,"metadata":{"mimetype":"text/x","cacheControl":"no-store"}}`
	a := w.do(w.alice, http.MethodPost, "/object/copy", stringReader(text), "x-upsert", "true", "x-metadata", "eyJzaGFwZSI6ImZsYXQifQ==")
	require.Equal(t, http.StatusOK, a.status, a.body)
	info = decode[map[string]any](t, w.get(w.alice, "/object/info/docs/"+from))
	require.Equal(t, map[string]any{"shape": "flat"}, info["metadata"])
	require.Equal(t, "text/x", info["content_type"])
	require.Equal(t, "hello", w.get(w.alice, "/object/docs/"+from).body)
	require.Len(t, w.files(), 2, "the replaced version is gone")
}

func TestRefusedCommitOfATransferLeavesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.put("docs/a", "hello")
	_, err := w.db.Exec(t.Context(), `create function public.no() returns trigger language plpgsql as $$ begin raise exception 'no'; end $$;
		create constraint trigger no after insert or update on storage.objects deferrable initially deferred for each row execute function public.no()`)
	require.NoError(t, err)
	for _, verb := range []string{"copy", "move"} {
		a := w.json(w.service, http.MethodPost, "/object/"+verb, transfer{"bucketId": "docs", "sourceKey": "a", "destinationKey": "b"})
		require.Equal(t, http.StatusInternalServerError, a.status)
		require.Len(t, w.files(), 1)
		require.Equal(t, "hello", w.get(w.service, "/object/docs/a").body)
	}
}
