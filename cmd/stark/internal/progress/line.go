package progress

import (
	"fmt"
	"io"
	"strings"
)

// Line says how far something is: one line with a bar that is written over on a terminal, a line for each change elsewhere. What it writes is a courtesy:
// it never fails a command.
type Line struct {
	W        io.Writer
	Terminal bool

	last string
	open bool
}

const barWidth = 20

// Tell says how far it is, done of total. Saying the same again writes nothing.
func (l *Line) Tell(text string, done, total int) {
	shown := text
	if l.Terminal && total > 0 {
		full := min(max(done, 0), total) * barWidth / total
		shown = "|" + strings.Repeat("█", full) + strings.Repeat(" ", barWidth-full) + "| " + text
	}
	if shown == l.last {
		return
	}
	l.last = shown
	if !l.Terminal {
		fmt.Fprintln(l.W, text)
		return
	}
	fmt.Fprint(l.W, "\r\x1b[K"+shown)
	l.open = true
}

// Clear takes the line off the terminal, so that what is said next stands alone.
func (l *Line) Clear() {
	if l.open {
		fmt.Fprint(l.W, "\r\x1b[K")
		l.open = false
	}
}
