// Package bench runs the project's benchmarks: each by name, several times over, the median of every figure as one JSON line.
//
//	suite := bench.New()
//	suite.Register("sched.place", func(ctx context.Context, r *bench.Run) error { … r.Report(…) … })
//	err := suite.Execute(ctx, cfg, names...)
//
// Figures go to stdout and to a file, progress to stderr.
package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"
)

// Func is one benchmark. It reports its figures to the run; called again it measures anew, from nothing.
type Func func(ctx context.Context, r *Run) error

// Suite is the benchmarks that there are. The zero value has none.
type Suite struct {
	names []string
	funcs map[string]Func
}

// New returns a suite without benchmarks.
func New() *Suite { return &Suite{funcs: map[string]Func{}} }

// Register adds a benchmark under a name like "area.what". A name that is taken is a mistake in the program: it panics.
func (s *Suite) Register(name string, f Func) {
	if _, taken := s.funcs[name]; taken || name == "" || f == nil {
		panic(fmt.Sprintf("bench: %q is registered twice, or is nothing", name))
	}
	s.names = append(s.names, name)
	s.funcs[name] = f
}

// Names lists the benchmarks in the order of their registration.
func (s *Suite) Names() []string { return slices.Clone(s.names) }

// Config says how a suite is executed.
type Config struct {
	Repetitions int               // default 3
	Set         map[string]string // parameters, by name; see Run.Int and Run.Ints
	Out         io.Writer         // default stdout
	Progress    io.Writer         // default stderr
	File        string            // figures are appended to it, with all repetitions; empty: nowhere
}

func (c Config) withDefaults() Config {
	if c.Repetitions <= 0 {
		c.Repetitions = 3
	}
	if c.Out == nil {
		c.Out = os.Stdout
	}
	if c.Progress == nil {
		c.Progress = os.Stderr
	}
	return c
}

// Execute runs the benchmarks with these names, or whose names begin with one of them and a dot; all when none is given. One that fails
// does not keep the others from running; its error is in the one returned, as is ctx's when it ends.
func (s *Suite) Execute(ctx context.Context, cfg Config, names ...string) error {
	cfg = cfg.withDefaults()
	chosen, err := s.choose(names)
	if err != nil {
		return err
	}
	var failed error
	for _, name := range chosen {
		if err := s.execute(ctx, cfg, name); err != nil {
			failed = errors.Join(failed, fmt.Errorf("%s: %w", name, err))
		}
		if ctx.Err() != nil {
			return errors.Join(failed, context.Cause(ctx))
		}
	}
	return failed
}

func (s *Suite) choose(wanted []string) ([]string, error) {
	if len(wanted) == 0 {
		return s.names, nil
	}
	var chosen []string
	for _, w := range wanted {
		found := false
		for _, name := range s.names {
			if name == w || strings.HasPrefix(name, w+".") {
				found = true
				if !slices.Contains(chosen, name) {
					chosen = append(chosen, name)
				}
			}
		}
		if !found {
			return nil, fmt.Errorf("there is no benchmark %q; there are: %s", w, strings.Join(s.names, ", "))
		}
	}
	return chosen, nil
}

// execute repeats one benchmark and prints the medians of what all its repetitions reported.
func (s *Suite) execute(ctx context.Context, cfg Config, name string) error {
	run := &Run{name: name, cfg: cfg}
	for i := range cfg.Repetitions {
		run.Progressf("repetition %d of %d", i+1, cfg.Repetitions)
		began := time.Now()
		if err := s.funcs[name](ctx, run); err != nil {
			return errors.Join(err, run.finish())
		}
		run.Progressf("repetition %d took %s", i+1, time.Since(began).Round(time.Millisecond))
	}
	return run.finish()
}
