// Command bench prints the project's figures: one JSON line each on stdout, the median of three repetitions. Progress goes to stderr.
//
//	go run ./tests/bench                         all of them
//	go run ./tests/bench e2e.assign              one
//	go run ./tests/bench -reps 1 -set seconds=5 -set agents=1000 e2e.assign
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/pprof"
	"strings"
	"syscall"

	"github.com/stark-o/stark/tests/bench/bench"
	"github.com/stark-o/stark/tests/bench/e2e"
	"github.com/stark-o/stark/tests/bench/sched"
)

func main() {
	suite := bench.New()
	sched.Register(suite)
	e2e.Register(suite)

	if err := run(suite, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(suite *bench.Suite, args []string) (err error) {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	cfg := bench.Config{Set: map[string]string{}}
	flags.IntVar(&cfg.Repetitions, "reps", 3, "how often each benchmark is repeated; the median is printed")
	flags.StringVar(&cfg.File, "file", resultsFile(), "figures are appended to this file, with all repetitions; empty: nowhere")
	list := flags.Bool("list", false, "list the benchmarks and stop")
	profile := flags.String("cpuprofile", "", "write a CPU profile of this process to a file")
	flags.Func("set", "a parameter, name=value[,value…]; may be given several times", func(text string) error {
		name, value, ok := strings.Cut(text, "=")
		if !ok {
			return fmt.Errorf("name=value is wanted")
		}
		cfg.Set[name] = value
		return nil
	})
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *list {
		for _, name := range suite.Names() {
			fmt.Println(name)
		}
		return nil
	}
	if *profile != "" {
		stop, err := startProfile(*profile)
		if err != nil {
			return err
		}
		defer stop()
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return suite.Execute(ctx, cfg, flags.Args()...)
}

// resultsFile is in the state directory when one is chosen, else in the folder that we are in.
func resultsFile() string {
	if home := os.Getenv("STARK_HOME"); home != "" {
		return filepath.Join(home, "bench", "results.jsonl")
	}
	return "bench-results.jsonl"
}

func startProfile(path string) (stop func(), err error) {
	f, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("cpu profile: %w", err)
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("cpu profile: %w", err)
	}
	return func() {
		pprof.StopCPUProfile()
		_ = f.Close() // a profile that is cut short says so when it is read
	}, nil
}
