//go:build unix

package postgres

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash/crc32"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// fetcher is a server that has got no further than having no programs.
func fetcher(t *testing.T, repository string) *Server {
	t.Helper()
	id, err := chooseIdentity()
	require.NoError(t, err)
	cfg := Config{BinaryRepositoryURL: repository, Log: slog.New(slog.DiscardHandler)}.withDefaults()
	return &Server{cfg: cfg, id: id, programs: filepath.Join(stateDir(t), "dist")}
}

// maven is a repository with one artifact: an archive as zonky's, with programs that only know their version.
func maven(t *testing.T, change func(path string, body []byte) []byte) string {
	t.Helper()
	jar := artifact(t)
	sum := sha256.Sum256(jar)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := jar
		if strings.HasSuffix(r.URL.Path, ".sha256") {
			body = []byte(hex.EncodeToString(sum[:]) + "\n")
		}
		if change != nil {
			body = change(r.URL.Path, body)
		}
		if body == nil {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write(body)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func TestFetch(t *testing.T) {
	t.Parallel()
	var asked []string
	url := maven(t, func(path string, body []byte) []byte { asked = append(asked, path); return body })
	s := fetcher(t, url+"/")
	var told []string
	s.cfg.Progress = func(m string) { told = append(told, m) }
	got, err := s.fetchBinaries(t.Context(), 0)
	require.NoError(t, err)
	require.Equal(t, wantedMajor, got.major)
	require.Equal(t, filepath.Join(s.programs, "postgresql-"+string(fetchable[wantedMajor]), "bin"), got.dir)
	require.FileExists(t, filepath.Join(got.dir, "..", "share", "postgres.bki"))
	require.Len(t, asked, 2, "the archive and its check sum")
	require.Regexp(t, `^/io/zonky/test/postgres/embedded-postgres-binaries-\w+-\w+(-alpine)?/17\.[0-9.]+/`, asked[0])
	require.Contains(t, strings.Join(told, "\n"), "Downloading PostgreSQL 17")
	require.Contains(t, told[len(told)-1], "100%")
	require.Equal(t, []string{"postgresql-" + string(fetchable[wantedMajor])}, names(t, s.programs), "nothing half-made stays")

	owns, err := s.id.owns(got.path("postgres"))
	require.NoError(t, err)
	require.True(t, owns, "the user that runs it")
	_, err = s.fetchBinaries(t.Context(), 0)
	require.NoError(t, err, "another process may have been faster")
}

func TestFetchRefusals(t *testing.T) {
	t.Parallel()
	isSum := func(path string) bool { return strings.HasSuffix(path, ".sha256") }
	for name, tc := range map[string]struct {
		change func(path string, body []byte) []byte
		want   string
	}{
		"another check sum": {func(path string, body []byte) []byte {
			if isSum(path) {
				return []byte(strings.Repeat("0", 64))
			}
			return body
		}, "checksums do not match"},
		"no check sum": {func(path string, body []byte) []byte {
			if isSum(path) {
				return nil
			}
			return body
		}, ".sha256 answers 404 Not Found: install PostgreSQL"},
		"no such version": {func(string, []byte) []byte { return nil }, ".jar answers 404 Not Found: install PostgreSQL"},
		"no archive": {func(path string, body []byte) []byte {
			if isSum(path) {
				sum := sha256.Sum256([]byte("a captive portal's greeting"))
				return []byte(hex.EncodeToString(sum[:]))
			}
			return []byte("a captive portal's greeting")
		}, "zip: not a valid zip file"},
	} {
		s := fetcher(t, maven(t, tc.change))
		_, err := s.fetchBinaries(t.Context(), 0)
		require.ErrorIs(t, err, ErrNoBinaries, name)
		require.ErrorContains(t, err, tc.want, name)
		require.Empty(t, names(t, s.programs), name)
	}
}

func TestFetchWithoutNetwork(t *testing.T) {
	t.Parallel()
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	s := fetcher(t, closed.URL)
	_, err := s.fetchBinaries(t.Context(), 0)
	require.ErrorIs(t, err, ErrNoBinaries)
	require.ErrorContains(t, err, "is there a network? Else install PostgreSQL 15 or newer")
	require.Empty(t, names(t, s.programs))
}

func TestFetchIsCancelled(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	s := fetcher(t, maven(t, func(_ string, body []byte) []byte { cancel(); return body }))
	_, err := s.fetchBinaries(ctx, 0)
	require.ErrorIs(t, err, context.Canceled)
	require.Empty(t, names(t, s.programs))
}

func TestFetchOfAVersionThatNobodyHas(t *testing.T) {
	t.Parallel()
	s := fetcher(t, "http://127.0.0.1:1")
	_, err := s.fetchBinaries(t.Context(), 99)
	require.ErrorIs(t, err, ErrNoBinaries)
	require.ErrorContains(t, err, "PostgreSQL 99, which cannot be fetched: install it")
}

func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	found := []string{}
	for _, entry := range entries {
		found = append(found, entry.Name())
	}
	return found
}

// artifact is a jar with a tar.xz inside.
func artifact(t *testing.T) []byte {
	t.Helper()
	script := "#!/bin/sh\necho 'postgres (PostgreSQL) " + string(fetchable[wantedMajor]) + "'\n"
	var packed bytes.Buffer
	w := tar.NewWriter(&packed)
	for name, text := range map[string]string{"bin/postgres": script, "bin/initdb": script, "bin/pg_ctl": "#!/bin/sh\nexit 1\n", "share/postgres.bki": "x"} {
		require.NoError(t, w.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o755, Size: int64(len(text))}))
		_, err := w.Write([]byte(text))
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	var jar bytes.Buffer
	z := zip.NewWriter(&jar)
	f, err := z.Create("postgres-linux-x86_64.txz")
	require.NoError(t, err)
	_, err = f.Write(xz(packed.Bytes()))
	require.NoError(t, err)
	require.NoError(t, z.Close())
	return jar.Bytes()
}

// xz wraps data without compressing it. Source: the .xz file format, version 1.2.1; LZMA2 has chunks for bytes as they are.
func xz(data []byte) []byte {
	sum := func(b []byte) []byte { return binary.LittleEndian.AppendUint32(nil, crc32.ChecksumIEEE(b)) }
	pad := func(b []byte) []byte { return append(b, make([]byte, (4-len(b)%4)%4)...) }
	flags := []byte{0, 1} // checked by CRC32
	header := append([]byte{2 /* 12 bytes */, 0 /* one filter */, 0x21 /* LZMA2 */, 1, 0 /* 4 KiB */}, 0, 0, 0)
	var chunks []byte
	for rest, control := data, byte(1); len(rest) > 0; control = 2 { // 1 resets the dictionary
		n := min(len(rest), 1<<16)
		chunks = append(chunks, control, byte((n-1)>>8), byte(n-1))
		chunks, rest = append(chunks, rest[:n]...), rest[n:]
	}
	chunks = append(chunks, 0)
	block := append(append(header, sum(header)...), chunks...)
	unpadded := uint64(len(block) + 4)
	index := binary.AppendUvarint(binary.AppendUvarint([]byte{0, 1}, unpadded), uint64(len(data)))
	index = pad(index)
	index = append(index, sum(index)...)
	backward := append(binary.LittleEndian.AppendUint32(nil, uint32(len(index)/4-1)), flags...)
	out := append([]byte{0xfd, '7', 'z', 'X', 'Z', 0}, append(append([]byte{}, flags...), sum(flags)...)...)
	out = append(append(pad(append(out, block...)), sum(data)...), index...)
	return append(append(append(out, sum(backward)...), backward...), 'Y', 'Z')
}
