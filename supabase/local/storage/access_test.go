package storage_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"
)

const denied = "new row violates row-level security policy"

func TestUploadByActor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	forged := unsignedToken(jwt.MapClaims{"sub": aliceID, "role": "service_role", "exp": time.Now().Add(time.Hour).Unix()})
	expired := w.sign(jwt.MapClaims{"sub": aliceID, "role": "authenticated", "exp": time.Now().Add(-time.Minute).Unix()})
	superuser := w.sign(jwt.MapClaims{"sub": aliceID, "role": "supabase_admin", "exp": time.Now().Add(time.Hour).Unix()})
	other := newWorldKeys(t)
	for _, tc := range []struct {
		who  actor
		want problem
	}{
		{w.nobody, problem{"400", "Error", "InvalidRequest", "headers must have required property 'authorization'"}},
		{actor{"a token that is none", "nonsense"}, problem{"403", "Unauthorized", "AccessDenied", "Invalid Compact JWS"}},
		{actor{"an unsigned token", forged}, problem{"403", "Unauthorized", "AccessDenied", "signature verification failed"}},
		{actor{"another stack's token", other.ServiceRoleKey()}, problem{"403", "Unauthorized", "AccessDenied", "signature verification failed"}},
		{actor{"an expired token", expired}, problem{"403", "Unauthorized", "AccessDenied", `"exp" claim timestamp check failed`}},
		{actor{"a role that is no caller's", superuser}, problem{"403", "Unauthorized", "AccessDenied", `role "supabase_admin" may not be used`}},
		{w.anon, problem{"403", "Unauthorized", "AccessDenied", denied}},
		{w.bob, problem{"403", "Unauthorized", "AccessDenied", denied}},
	} {
		for _, upsert := range []string{"false", "true"} {
			a := w.upload(tc.who, "docs/"+aliceID+"/a.txt", "hello", "x-upsert", upsert)
			require.Equal(t, http.StatusBadRequest, a.status, tc.who.name)
			require.Equal(t, tc.want, a.problem(t), tc.who.name)
		}
	}
	w.nothingStored()

	for i, who := range []actor{w.alice, w.service} {
		a := w.upload(who, "docs/"+aliceID+"/"+who.name, "hello")
		require.Equal(t, http.StatusOK, a.status, a.body)
		require.Equal(t, i+1, w.rows())
	}
}

func TestReadByActor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	key := aliceID + "/a.txt"
	w.put("docs/"+key, "secret")
	noBucket := problem{"404", "Bucket not found", "NoSuchBucket", "Bucket not found"}
	noObject := problem{"404", "not_found", "NoSuchKey", "Object not found"}
	noHeader := problem{"400", "Error", "InvalidRequest", "headers must have required property 'authorization'"}

	for _, tc := range []struct {
		who  actor
		path string
		want problem
	}{
		{w.nobody, "/object/docs/" + key, noBucket},
		{actor{"broken token", "x.y.z"}, "/object/docs/" + key, noBucket},
		{w.nobody, "/object/public/docs/" + key, noBucket},
		{w.service, "/object/public/docs/" + key, noBucket},
		{w.nobody, "/object/authenticated/docs/" + key, noHeader},
		{w.anon, "/object/docs/" + key, noObject},
		{w.bob, "/object/docs/" + key, noObject},
		{w.bob, "/object/authenticated/docs/" + key, noObject},
		{w.bob, "/object/info/docs/" + key, noObject},
		{w.bob, "/object/info/authenticated/docs/" + key, noObject},
		{w.nobody, "/object/info/docs/" + key, noBucket},
		{w.nobody, "/object/info/public/docs/" + key, noBucket},
		{w.alice, "/object/nowhere/" + key, noBucket},
		{w.alice, "/object/docs/" + aliceID + "/b.txt", noObject},
	} {
		a := w.get(tc.who, tc.path)
		require.Equal(t, http.StatusBadRequest, a.status, "%s %s", tc.who.name, tc.path)
		require.Equal(t, tc.want, a.problem(t), "%s %s", tc.who.name, tc.path)
		a = w.do(tc.who, http.MethodHead, tc.path, nil)
		require.Equal(t, http.StatusBadRequest, a.status, "HEAD %s %s", tc.who.name, tc.path)
		require.Empty(t, a.body)
	}
	for _, who := range []actor{w.alice, w.service} {
		for _, path := range []string{"/object/docs/", "/object/authenticated/docs/"} {
			a := w.get(who, path+key)
			require.Equal(t, http.StatusOK, a.status, "%s: %s", who.name, a.body)
			require.Equal(t, "secret", a.body)
		}
	}
}

func TestPublicBucketIsReadByEveryoneAndWrittenByNone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, who := range []actor{w.anon, w.bob} {
		a := w.upload(who, "public/a.txt", "no")
		require.Equal(t, problem{"403", "Unauthorized", "AccessDenied", denied}, a.problem(t))
	}
	w.nothingStored()
	w.put("public/a.txt", "hello")
	for _, who := range []actor{w.nobody, {"broken token", "x.y.z"}, w.anon, w.bob, w.service} {
		for _, path := range []string{"/object/public/public/a.txt", "/object/public/a.txt"} {
			require.Equal(t, "hello", w.get(who, path).body, "%s %s", who.name, path)
		}
		require.Equal(t, http.StatusOK, w.get(who, "/object/info/public/public/a.txt").status, who.name)
	}
	// A public bucket may still not be listed without a policy.
	require.Equal(t, "[]", w.json(w.anon, http.MethodPost, "/object/list/public", map[string]string{"prefix": ""}).body)
}

func TestRemoveByActor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	key := aliceID + "/a.txt"
	w.put("docs/"+key, "hello")
	w.put("frozen/"+key, "hello")
	noObject := problem{"404", "not_found", "NoSuchKey", "Object not found"}
	for _, who := range []actor{w.anon, w.bob} {
		require.Equal(t, noObject, w.do(who, http.MethodDelete, "/object/docs/"+key, nil).problem(t), who.name)
		a := w.json(who, http.MethodDelete, "/object/docs", map[string][]string{"prefixes": {key}})
		require.Equal(t, "[]", a.body, who.name)
	}
	// Alice sees this one, and may not delete it.
	require.Equal(t, noObject, w.do(w.alice, http.MethodDelete, "/object/frozen/"+key, nil).problem(t))
	a := w.do(w.nobody, http.MethodDelete, "/object/docs/"+key, nil)
	require.Equal(t, "headers must have required property 'authorization'", a.problem(t).Message)
	require.Equal(t, 2, w.rows())
	require.Len(t, w.files(), 2)

	gone := decode[[]map[string]any](t, w.json(w.alice, http.MethodDelete, "/object/docs", map[string][]string{"prefixes": {key, "not/there"}}))
	require.Len(t, gone, 1)
	require.Equal(t, key, gone[0]["name"])
	require.Equal(t, "docs", gone[0]["bucket_id"])
	require.Len(t, w.files(), 1, "the bytes go with the row")
	require.JSONEq(t, `{"message":"Successfully deleted"}`, w.do(w.service, http.MethodDelete, "/object/frozen/"+key, nil).body)
	w.nothingStored()
}

func TestBucketsByActor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, who := range []actor{w.anon, w.alice} {
		refusal := problem{"403", "Unauthorized", "AccessDenied", denied}
		missing := problem{"404", "Bucket not found", "NoSuchBucket", "Bucket not found"}
		require.Equal(t, refusal, w.json(who, http.MethodPost, "/bucket", map[string]string{"name": "mine"}).problem(t), who.name)
		require.Equal(t, missing, w.json(who, http.MethodPut, "/bucket/docs", map[string]bool{"public": true}).problem(t), who.name)
		require.Equal(t, missing, w.do(who, http.MethodDelete, "/bucket/docs", nil).problem(t), who.name)
		require.Equal(t, missing, w.do(who, http.MethodPost, "/bucket/docs/empty", nil).problem(t), who.name)
		require.Equal(t, missing, w.get(who, "/bucket/docs").problem(t), who.name)
		require.Equal(t, "[]", w.get(who, "/bucket").body, who.name)
	}
	require.Equal(t, "400", w.get(w.nobody, "/bucket").problem(t).StatusCode)
	require.Contains(t, w.get(w.service, "/bucket/docs").body, `"public":false`)
}

func TestOverwritingTakesTheRightToUpdate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	key := aliceID + "/a.txt"
	require.Equal(t, http.StatusOK, w.upload(w.alice, "frozen/"+key, "first").status)
	refusal := problem{"403", "Unauthorized", "AccessDenied", denied}
	require.Equal(t, refusal, w.upload(w.alice, "frozen/"+key, "second", "x-upsert", "true").problem(t))
	require.Equal(t, refusal, w.do(w.alice, http.MethodPut, "/object/frozen/"+key, strings.NewReader("second")).problem(t))
	require.Equal(t, "first", w.get(w.alice, "/object/frozen/"+key).body)
	require.Len(t, w.files(), 1)

	require.Equal(t, http.StatusOK, w.upload(w.alice, "docs/"+key, "first").status)
	require.Equal(t, http.StatusOK, w.upload(w.alice, "docs/"+key, "second", "x-upsert", "true").status)
	require.Equal(t, "second", w.get(w.alice, "/object/docs/"+key).body)
	require.Len(t, w.files(), 2, "the replaced version is gone")
}

// What was allowed when the upload began may be forbidden when its bytes have arrived.
func TestPermissionIsAskedAgainWhenTheBytesHaveArrived(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	body, feed := newPipe()
	result := make(chan answer, 1)
	go func() {
		result <- w.do(w.alice, http.MethodPost, "/object/docs/"+aliceID+"/a.txt", body, "Expect", "100-continue")
	}()
	feed.write(t, "x") // the server wants the body, so it has asked once
	_, err := w.db.Exec(t.Context(), `drop policy own_insert on storage.objects`)
	require.NoError(t, err)
	feed.close(t)
	require.Equal(t, problem{"403", "Unauthorized", "AccessDenied", denied}, (<-result).problem(t))
	w.nothingStored()
}

func TestPoliciesSeeTheRequest(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, err := w.db.Exec(t.Context(), `
		create policy seen on storage.objects for insert to anon with check (
		  storage.operation() = 'storage.object.upload'
		  and current_setting('request.method') = 'POST'
		  and current_setting('request.headers')::json ->> 'x-colour' = 'red'
		  and current_setting('request.headers')::json ->> 'authorization' is null
		  and current_setting('request.jwt.claims')::json ->> 'role' = 'anon'
		  and metadata ->> 'mimetype' = 'text/plain' and (metadata ->> 'contentLength')::int = 5
		  and user_metadata ->> 'shape' = 'round')`)
	require.NoError(t, err)
	meta := []string{"x-metadata", "eyJzaGFwZSI6InJvdW5kIn0="} // {"shape":"round"}
	require.Equal(t, denied, w.upload(w.anon, "docs/a", "12345", append(meta, "x-colour", "blue")...).problem(t).Message)
	require.Equal(t, denied, w.upload(w.anon, "docs/a", "123456", append(meta, "x-colour", "red")...).problem(t).Message)
	a := w.upload(w.anon, "docs/a", "12345", append(meta, "x-colour", "red")...)
	require.Equal(t, http.StatusOK, a.status, a.body)
}

func TestGrantsCountToo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, err := w.db.Exec(t.Context(), `set role supabase_storage_admin; revoke insert on storage.objects from authenticated; reset role`)
	require.NoError(t, err)
	a := w.upload(w.alice, "docs/"+aliceID+"/a.txt", "x")
	require.Equal(t, problem{"403", "Unauthorized", "AccessDenied", "permission denied for table objects"}, a.problem(t))
	w.nothingStored()
}
