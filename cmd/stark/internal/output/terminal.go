package output

import (
	"os"

	"golang.org/x/term"
)

// IsTerminal says whether stream (a reader or a writer) is a person's terminal.
func IsTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// Colorful says whether to color what goes to stream: it is a terminal, which is not dumb, and NO_COLOR (no-color.org) is not set.
func Colorful(stream any, env func(string) string) bool {
	return env("NO_COLOR") == "" && env("TERM") != "dumb" && IsTerminal(stream)
}
