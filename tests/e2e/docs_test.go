package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// shellBlock is a ```sh block of a page, with the line after its fence.
type shellBlock struct {
	line int
	text string
}

// blocksOf are a page's shell blocks by section (## heading): what a reader types into one terminal.
func blocksOf(t *testing.T, page string) [][]shellBlock {
	t.Helper()
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	var sections [][]shellBlock
	var block *shellBlock
	for n, line := range strings.Split(string(text), "\n") {
		switch {
		case block == nil && strings.HasPrefix(line, "## "):
			sections = append(sections, nil)
		case block == nil && line == "```sh":
			block = &shellBlock{line: n + 2}
		case block != nil && line == "```":
			last := len(sections) - 1
			sections[last] = append(sections[last], *block)
			block = nil
		case block != nil:
			block.text += line + "\n"
		}
	}
	require.Nil(t, block, "%s: a block has no end", page)
	return sections
}

// The reader's hands. `stark` types the password where a person would; `make` is only asked whether it has such a target, since the stack is up
// already; a line that says so is ended by Ctrl-C once it has done what it is there for.
const hands = `
make() { command make -C "$REPO" -n "$@" >/dev/null; }
stark() {
  case "$1 $*" in
    "login "*--email*) printf '%s\n' "$STARK_PASSWORD" | "$STARK_BIN" "$@" --password-stdin ;;
    "login "*) printf '%s\n' "$STARK_PASSWORD" | "$STARK_BIN" "$@" --email "$STARK_EMAIL" --password-stdin ;;
    "setup "*) # this stack has an admin already, and says so
      echo stark_setup_none | "$STARK_BIN" "$@" --token-stdin 2>setup.txt && return 1
      cat setup.txt; grep -q "admin" setup.txt ;;
    *) "$STARK_BIN" "$@" ;;
  esac
}
# until_ctrl_c COMMAND waits until the command has said what it is there for, and ends it.
until_ctrl_c() {
  shift
  printf '%s\n' "$STARK_PASSWORD" >"$FOLDER/typed"
  case "$1" in
    dev) says='is running on' ;;
    serve) says='Ctrl-C stops it' ;;
    agent) says='registered'; set -- "$@" --server "$STARK_SERVER" --name reader --home "$FOLDER/agent" --email "$STARK_EMAIL" --password-stdin ;;
    *) echo "what does stark $1 say?"; return 1 ;;
  esac
  "$STARK_BIN" "$@" <"$FOLDER/typed" >"$FOLDER/said" 2>&1 &
  pid=$!
  tries=0
  until grep -q "$says" "$FOLDER/said"; do
    tries=$((tries + 1))
    if [ $tries -gt 600 ] || ! kill -0 $pid; then cat "$FOLDER/said"; return 1; fi
    sleep 0.1
  done
  kill -INT $pid
  code=0; wait $pid || code=$?
  cat "$FOLDER/said"
  [ $code = 0 ] || [ $code = 130 ]
}
`

var ctrlC = regexp.MustCompile(`(?m)^(stark .*?) +# (.*; )?Ctrl-C ends it$`)

// script is what a reader types, from the folder of the repository; each step is announced. In a tutorial the sections go on from each other,
// elsewhere each begins in that folder.
func script(t *testing.T, page string, tutorial bool) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("set -eu\n" + hands + "cd \"$FOLDER\"\n")
	for _, section := range blocksOf(t, page) {
		if !tutorial {
			b.WriteString("cd \"$FOLDER\"\n")
		}
		for _, block := range section {
			text := ctrlC.ReplaceAllString(block.text, "until_ctrl_c $1")
			text = strings.ReplaceAll(text, "/tmp/", "$FOLDER/")
			fmt.Fprintf(&b, "echo '--- %s:%d'\n%s\n", filepath.Base(page), block.line, text)
		}
	}
	b.WriteString("echo '--- all of it is done'\n")
	return b.String()
}

// TestPagesAreTyped runs every shell block of the README and the tutorial, in order, against a stack of its own.
func TestPagesAreTyped(t *testing.T) {
	t.Parallel()
	for page, wants := range map[string][]string{
		"../../README.md":        {"Hello Ada, I am first-", "stopped (completed)", "ada@example.com is developer now"},
		"../../docs/tutorial.md": {"deployment/greeter rolled back", "namespace/tutorial created (dry run)", "pod/from-a-file created", "namespace/tutorial deleted"},
	} {
		t.Run(filepath.Base(page), func(t *testing.T) {
			t.Parallel()
			repo, err := filepath.Abs("../..")
			require.NoError(t, err)
			folder := t.TempDir()
			example, err := os.ReadFile(filepath.Join(repo, ".env.example"))
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(filepath.Join(folder, ".env.example"), example, 0o600))
			typed := filepath.Join(folder, "typed.sh")
			// The user whom the README gives a role registers first.
			register := `node -e '
  fetch(process.env.SUPABASE_URL + "/auth/v1/signup", {
    method: "POST", headers: { apikey: process.env.SUPABASE_ANON_KEY, "Content-Type": "application/json" },
    body: JSON.stringify({ email: "ada@example.com", password: "correct horse battery" }),
  }).then((answer) => process.exit(answer.ok ? 0 : 1))'
`
			require.NoError(t, os.WriteFile(typed, []byte(register+script(t, page, filepath.Base(page) == "tutorial.md")), 0o600))
			u := newUpWorld(t)
			p := launch(t, "reader", []string{"STARK_HOME=" + u.home, u.mark, "REPO=" + repo, "FOLDER=" + folder, "STARK_LISTEN=127.0.0.1:0"}, binary,
				"up", "--ephemeral", "--port", "0", "--api-port", "0", "--db-port", "0", "--node-name", "here", "--", "/bin/sh", typed)
			<-p.exited
			require.NoError(t, p.err, "%s", p.out)
			for _, want := range append(wants, "--- all of it is done") {
				require.Contains(t, p.out.String(), want)
			}
			u.nothingIsLeft()
		})
	}
}
