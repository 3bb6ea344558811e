// Package progress shows how far an upload is: a bar on a terminal, a line at the start and one at the end elsewhere.
package progress

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/stark-o/stark/cmd/stark/internal/output"
)

// Bar is one transfer of a known size. Finish must be called; it waits until nothing writes any more.
type Bar interface {
	// Set says how many bytes are through, in all.
	Set(done int64)
	// Finish ends the bar. After a failure it is taken away, so that the error stands alone.
	Finish(ok bool)
}

// New starts a bar named label for total bytes on w, drawn when terminal is true. now is the clock.
func New(w io.Writer, terminal bool, label string, total int64, now func() time.Time) Bar {
	if !terminal {
		fmt.Fprintf(w, "uploading %s (%s)\n", label, output.Bytes(total)) // progress is a courtesy: it never fails a command
		return &lines{w: w, label: label, started: now(), now: now}
	}
	p := mpb.New(mpb.WithOutput(w), mpb.WithAutoRefresh())
	bar := p.New(total, mpb.BarStyle().Rbound("|").Lbound("|").Filler("█").Tip("█").Padding(" "), mpb.BarWidth(30),
		mpb.PrependDecorators(decor.Name("uploading "+label+" ")),
		mpb.AppendDecorators(decor.CountersKibiByte("% .1f / % .1f"), decor.Percentage(decor.WC{W: 6})))
	return &drawn{progress: p, bar: bar, total: total}
}

// lines is the plain one.
type lines struct {
	w       io.Writer
	label   string
	started time.Time
	now     func() time.Time
}

func (*lines) Set(int64) {}

func (l *lines) Finish(ok bool) {
	if ok {
		fmt.Fprintf(l.w, "uploaded %s in %s\n", l.label, l.now().Sub(l.started).Round(time.Millisecond))
	}
}

// drawn is the one with a bar; mpb owns its goroutines and Wait ends them.
type drawn struct {
	progress *mpb.Progress
	bar      *mpb.Bar
	total    int64
	once     sync.Once
}

func (d *drawn) Set(done int64) { d.bar.SetCurrent(min(done, d.total)) }

func (d *drawn) Finish(ok bool) {
	d.once.Do(func() {
		if ok {
			d.bar.SetTotal(d.total, true)
			d.bar.SetCurrent(d.total)
		} else {
			d.bar.Abort(true)
		}
		d.progress.Wait()
	})
}
