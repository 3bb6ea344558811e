package storage_test

import (
	"net/http"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/supabase/local/storage"
)

var badKeys = []string{
	"..", ".", "../x", "a/../../x", "a/./b", "x/..", "ä.txt", "日本語.txt", "e\u0301", "a\x00b", "a\nb", "a\n", "a\\b", "a%b", "a#b", "a|b", "a\"b",
	"a<b", "a~b", "a`b", "a^b", "a{b", "a[b", "\xff", strings.Repeat("a", 1025),
}

func TestValidKey(t *testing.T) {
	t.Parallel()
	for _, key := range []string{
		"a", "a.txt", "a/b/c.tar.gz", "...", "a..b", "..a/b..", " ", "a b", "!-_.*'()&$@=;:+,?", "/a", "a//b", "a/", strings.Repeat("a", 1024),
		"0000-AZaz_09",
	} {
		require.True(t, storage.ValidKey(key), "%q", key)
	}
	require.False(t, storage.ValidKey(""))
	for _, key := range badKeys {
		require.False(t, storage.ValidKey(key), "%q", key)
	}
	for _, name := range []string{"packs", "my bucket", "a.b", "A_1"} {
		require.True(t, storage.ValidBucket(name), "%q", name)
	}
	for _, name := range []string{"", ".", "..", "a/b", " a", "a ", "ä", "a\x00", strings.Repeat("a", 101)} {
		require.False(t, storage.ValidBucket(name), "%q", name)
	}
}

// Over HTTP a bad name is refused by every route, before anything is touched.
func TestBadNamesGetNowhere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, key := range badKeys {
		escaped := strings.ReplaceAll(url.QueryEscape(key), "+", "%20")
		for _, spelled := range []string{escaped, strings.ReplaceAll(escaped, "%2F", "/"), strings.ReplaceAll(escaped, ".", "%2E")} {
			for _, tc := range [][2]string{
				{http.MethodPost, "/object/docs/"}, {http.MethodPut, "/object/docs/"}, {http.MethodGet, "/object/docs/"}, {http.MethodDelete, "/object/docs/"},
				{http.MethodGet, "/object/public/public/"}, {http.MethodPost, "/object/sign/docs/"}, {http.MethodGet, "/object/sign/docs/"},
				{http.MethodGet, "/object/info/docs/"},
			} {
				a := w.do(w.service, tc[0], tc[1]+spelled, strings.NewReader("x"))
				require.Equal(t, http.StatusBadRequest, a.status, "%s %s%s: %s", tc[0], tc[1], spelled, a.body)
				require.Equal(t, "InvalidKey", a.problem(t).Code, "%s %s%s", tc[0], tc[1], spelled)
			}
		}
	}
	for _, bucket := range []string{"..", "%2E%2E", "a%2Fb%00", "%C3%A4"} {
		a := w.do(w.service, http.MethodPost, "/object/"+bucket+"/x", strings.NewReader("x"))
		require.Contains(t, []string{"InvalidBucketName", "InvalidKey"}, a.problem(t).Code, bucket)
	}
	w.nothingStored()
	// Names in bodies do not go through the path.
	a := w.json(w.service, http.MethodDelete, "/object/docs", map[string][]string{"prefixes": {"../../../etc/passwd", "a\x00b"}})
	require.Equal(t, "InvalidParameter", a.problem(t).Code)
	a = w.json(w.service, http.MethodPost, "/object/list/docs", map[string]string{"prefix": "a\x00"})
	require.Equal(t, "InvalidParameter", a.problem(t).Code)
}

var asciiKey = regexp.MustCompile(`^[0-9A-Za-z_/!.*'() &$@=;:+,?-]+$`)

func FuzzValidKey(f *testing.F) {
	for _, key := range badKeys {
		f.Add(key)
	}
	f.Add("folder/file name (1).txt")
	f.Fuzz(func(t *testing.T, key string) {
		if !storage.ValidKey(key) {
			return
		}
		require.Regexp(t, asciiKey, key)
		require.LessOrEqual(t, len(key), 1024)
		root := filepath.Join(string(filepath.Separator), "root", "bucket")
		require.True(t, strings.HasPrefix(filepath.Join(root, key)+"/", root+"/"), "%q leaves its folder", key)
		back, err := url.PathUnescape((&url.URL{Path: key}).EscapedPath())
		require.NoError(t, err)
		require.Equal(t, key, back)
	})
}
