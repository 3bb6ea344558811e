package storage_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/supabase/local/storage"
)

func stringReader(text string) io.Reader { return strings.NewReader(text) }

// signedUploadURL signs as somebody.
func (w *world) signedUploadURL(who actor, key string, header ...string) string {
	w.t.Helper()
	return decode[map[string]string](w.t, w.do(who, http.MethodPost, "/object/upload/sign/"+key, nil, header...))["url"]
}

func TestSignedUploadByActor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	key := "docs/" + aliceID + "/a.txt"
	for _, who := range []actor{w.anon, w.bob} {
		require.Equal(t, problem{"403", "Unauthorized", "AccessDenied", denied}, w.do(who, http.MethodPost, "/object/upload/sign/"+key, nil).problem(t), who.name)
	}
	require.Equal(t, "InvalidRequest", w.do(w.nobody, http.MethodPost, "/object/upload/sign/"+key, nil).problem(t).Code)
	require.Equal(t, "NoSuchBucket", w.do(w.alice, http.MethodPost, "/object/upload/sign/none/a", nil).problem(t).Code)
	url := w.signedUploadURL(w.alice, key)
	put := func(url, text string) answer {
		return w.do(w.nobody, http.MethodPut, url, stringReader(text), "Content-Type", "text/plain")
	}
	require.Equal(t, "querystring must have required property 'token'", put("/object/upload/sign/"+key, "x").problem(t).Message)
	require.Equal(t, "InvalidJWT", put(url+"x", "x").problem(t).Code)
	require.Equal(t, "InvalidSignature", put(strings.Replace(url, "a.txt", "b.txt", 1), "x").problem(t).Code, "for another object")
	require.Equal(t, "InvalidSignature", put("/object/upload/sign/"+key+"?token="+w.alice.token, "x").problem(t).Code, "an access token")
	w.nothingStored()

	require.Equal(t, http.StatusOK, put(url, "hello").status)
	require.Equal(t, "hello", w.get(w.alice, "/object/"+key).body)
	var owner string
	require.NoError(t, w.db.QueryRow(t.Context(), `select owner_id from storage.objects`).Scan(&owner))
	require.Equal(t, aliceID, owner)
	require.Equal(t, "KeyAlreadyExists", put(url, "again").problem(t).Code)
	require.Equal(t, "KeyAlreadyExists", w.do(w.alice, http.MethodPost, "/object/upload/sign/"+key, nil).problem(t).Code)
	over := w.signedUploadURL(w.alice, key, "x-upsert", "true")
	require.Equal(t, http.StatusOK, put(over, "again").status)
	require.Equal(t, "again", w.get(w.alice, "/object/"+key).body)
	require.Len(t, w.files(), 1)
}

// One signature is not good for the other purpose.
func TestSignaturesAreForOnePurpose(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	key := "docs/" + aliceID + "/a.txt"
	upload := w.signedUploadURL(w.alice, key)
	w.put(key, "hello")
	download := w.signedURL(w.url, w.alice, key, 60)
	_, uploadToken, _ := strings.Cut(upload, "?token=")
	_, downloadToken, _ := strings.Cut(download, "?token=")
	require.Equal(t, "InvalidSignature", w.get(w.nobody, "/object/sign/"+key+"?token="+uploadToken).problem(t).Code)
	a := w.do(w.nobody, http.MethodPut, "/object/upload/sign/"+key+"?token="+downloadToken, stringReader("x"))
	require.Equal(t, "InvalidSignature", a.problem(t).Code)
}

func TestSignedUploadKeepsLimitsAndTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(cfg *storage.Config) {
		cfg.Now = func() time.Time { return time.Now().Add(-2*time.Hour + 2*time.Second) }
	})
	a := w.do(w.nobody, http.MethodPut, w.signedUploadURL(w.service, "small/a"), stringReader(string(make([]byte, 1001))), "Content-Type", "text/plain")
	require.Equal(t, "EntityTooLarge", a.problem(t).Code)
	a = w.do(w.nobody, http.MethodPut, w.signedUploadURL(w.service, "small/a"), stringReader("<p>"), "Content-Type", "text/html")
	require.Equal(t, "InvalidMimeType", a.problem(t).Code)
	w.nothingStored()
	old := newWorld(t, func(cfg *storage.Config) { cfg.Now = func() time.Time { return time.Now().Add(-3 * time.Hour) } })
	a = old.do(old.nobody, http.MethodPut, old.signedUploadURL(old.service, "docs/a"), stringReader("x"))
	require.Equal(t, problem{"400", "InvalidJWT", "InvalidJWT", `"exp" claim timestamp check failed`}, a.problem(t))
}

func TestSigningManyByActor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	key := aliceID + "/a?.txt"
	w.put("docs/"+aliceID+"/a%3F.txt", "secret")
	type signed struct{ Error, Path, SignedURL *string }
	ask := func(who actor) []signed {
		return decode[[]signed](t, w.json(who, http.MethodPost, "/object/sign/docs", map[string]any{"expiresIn": 60, "paths": []string{key, "none"}}))
	}
	for _, who := range []actor{w.anon, w.bob} {
		for _, one := range ask(who) {
			require.Nil(t, one.SignedURL, who.name)
			require.Equal(t, "Either the object does not exist or you do not have access to it", *one.Error)
		}
	}
	got := ask(w.alice)
	require.Len(t, got, 2)
	require.Equal(t, key, *got[0].Path)
	require.Nil(t, got[0].Error)
	require.Equal(t, "secret", w.get(w.nobody, *got[0].SignedURL).body)
	require.Nil(t, got[1].SignedURL)
	for body, want := range map[string]string{
		`{"paths":["a"]}`:             "body must have required property 'expiresIn'",
		`{"expiresIn":1}`:             "body must have required property 'paths'",
		`{"expiresIn":1,"paths":[]}`:  "body/paths must NOT have fewer than 1 items",
		`{"expiresIn":0,"paths":[1]}`: "body/paths must be string",
	} {
		require.Equal(t, want, w.do(w.alice, http.MethodPost, "/object/sign/docs", stringReader(body)).problem(t).Message, body)
	}
	require.Equal(t, "InvalidRequest", w.json(w.nobody, http.MethodPost, "/object/sign/docs", nil).problem(t).Code)
}
