package storage_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/supabase/local/storage"
)

// signedURL is the path that signing gives, escaped as supabase-js does with encodeURI.
func (w *world) signedURL(at string, who actor, key string, seconds int) string {
	w.t.Helper()
	a := w.doAt(at, who, http.MethodPost, "/object/sign/"+(&url.URL{Path: key}).EscapedPath(), strings.NewReader(fmt.Sprintf(`{"expiresIn":%d}`, seconds)))
	return strings.ReplaceAll(decode[map[string]string](w.t, a)["signedURL"], " ", "%20")
}

func TestSigningByActor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	key := "docs/" + aliceID + "/a.txt"
	w.put(key, "secret")
	for _, who := range []actor{w.anon, w.bob} {
		a := w.json(who, http.MethodPost, "/object/sign/"+key, map[string]int{"expiresIn": 60})
		require.Equal(t, problem{"404", "not_found", "NoSuchKey", "Object not found"}, a.problem(t), who.name)
	}
	a := w.json(w.nobody, http.MethodPost, "/object/sign/"+key, map[string]int{"expiresIn": 60})
	require.Equal(t, "headers must have required property 'authorization'", a.problem(t).Message)
	for body, want := range map[string]string{
		`{}`:                   "body must have required property 'expiresIn'",
		`{"expiresIn":0}`:      "body/expiresIn must be >= 1",
		`{"expiresIn":"soon"}`: "body/expiresIn must be integer",
		`{"expiresIn":`:        "Body is not valid JSON",
		`{"expiresIn":9,"transform":{"width":1}}`: "transforming images is not in the embedded stack; use `supabase start` or a hosted project",
	} {
		require.Equal(t, want, w.do(w.alice, http.MethodPost, "/object/sign/"+key, strings.NewReader(body)).problem(t).Message, body)
	}
	signed := w.signedURL(w.url, w.alice, key, 60)
	for _, who := range []actor{w.nobody, w.bob, {"broken token", "x.y.z"}} {
		a := w.get(who, signed)
		require.Equal(t, "secret", a.body, who.name)
		expires, err := http.ParseTime(a.header.Get("Expires"))
		require.NoError(t, err)
		require.WithinDuration(t, time.Now().Add(time.Minute), expires, 30*time.Second)
		require.Empty(t, a.header.Get("Cache-Control"))
	}
}

func TestSignedURLTampering(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mine, other := "docs/"+aliceID+"/a.txt", "docs/"+aliceID+"/b.txt"
	w.put(mine, "secret")
	w.put(other, "other secret")
	past := w.serve(w.start(func(c *storage.Config) { c.Now = func() time.Time { return time.Now().Add(-time.Hour) } }))
	_, token, _ := strings.Cut(w.signedURL(w.url, w.alice, mine, 60), "?token=")
	_, expired, _ := strings.Cut(w.signedURL(past, w.alice, mine, 60), "?token=")
	exp := time.Now().Add(time.Hour).Unix()
	foreign, err := newWorldKeys(t).Sign(jwt.MapClaims{"url": mine, "exp": exp})
	require.NoError(t, err)
	parts := strings.Split(token, ".")
	blank := parts[0] + "." + parts[1] + "." + strings.Repeat("A", len(parts[2])) // well-formed base64url, and no signature of anything

	invalidJWT := func(message string) problem { return problem{"400", "InvalidJWT", "InvalidJWT", message} }
	signature := problem{"400", "InvalidSignature", "InvalidSignature", "Invalid signature"}
	for name, tc := range map[string]struct {
		path string
		want problem
	}{
		"no token":            {"/object/sign/" + mine, problem{"400", "Error", "InvalidRequest", "querystring must have required property 'token'"}},
		"expired":             {"/object/sign/" + mine + "?token=" + expired, invalidJWT(`"exp" claim timestamp check failed`)},
		"another object":      {"/object/sign/" + other + "?token=" + token, signature},
		"another bucket":      {"/object/sign/frozen/" + aliceID + "/a.txt?token=" + token, signature},
		"broken signature":    {"/object/sign/" + mine + "?token=" + blank, invalidJWT("signature verification failed")},
		"another stack's key": {"/object/sign/" + mine + "?token=" + foreign, invalidJWT("signature verification failed")},
		"unsigned":            {"/object/sign/" + mine + "?token=" + unsignedToken(jwt.MapClaims{"url": mine, "exp": exp}), invalidJWT("signature verification failed")},
		"not a token":         {"/object/sign/" + mine + "?token=x", invalidJWT("Invalid Compact JWS")},
		"somebody's login":    {"/object/sign/" + mine + "?token=" + w.alice.token, signature},
		"the service role's":  {"/object/sign/" + mine + "?token=" + w.service.token, signature},
		"a list of urls":      {"/object/sign/" + mine + "?token=" + w.sign(jwt.MapClaims{"url": []string{mine}, "exp": exp}), signature},
	} {
		a := w.get(w.nobody, tc.path)
		require.Equal(t, http.StatusBadRequest, a.status, name)
		require.Equal(t, tc.want, a.problem(t), name)
	}
	// A signed URL's token is no login.
	require.Equal(t, "Object not found", w.get(actor{"url token", token}, "/object/"+mine).problem(t).Message)
	require.Equal(t, denied, w.upload(actor{"url token", token}, "docs/"+aliceID+"/c", "x").problem(t).Message)
	require.Equal(t, "secret", w.get(w.nobody, "/object/sign/"+mine+"?token="+token).body)
}

func TestSignedURLOfAwkwardNames(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, key := range []string{"docs/a b+c&d=e.txt", "docs/x/(1) 'y'!*;,:@$.txt", "docs/what?.txt"} {
		path := (&url.URL{Path: key}).EscapedPath()
		w.put(path, key)
		require.Equal(t, key, w.get(w.nobody, w.signedURL(w.url, w.service, key, 60)).body)
		a := w.get(w.nobody, w.signedURL(w.url, w.service, key, 60)+"&download=my+file.txt")
		require.Equal(t, "attachment; filename=my%20file.txt; filename*=UTF-8''my%20file.txt;", a.header.Get("Content-Disposition"))
	}
}
