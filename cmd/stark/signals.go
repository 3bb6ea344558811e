package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"
)

// signalError is why a context ended: somebody asked this process to. It is context.Canceled to errors.Is.
type signalError struct{ signal syscall.Signal }

func (e *signalError) Error() string { return fmt.Sprintf("stopped by signal: %v", e.signal) }

// Is makes it a cancellation like any other.
func (e *signalError) Is(target error) bool { return target == context.Canceled }

// exitCode is the shells' convention.
func (e *signalError) exitCode() int { return 128 + int(e.signal) }

// untilSignal returns a context that the first SIGINT or SIGTERM cancels, so that the command can stop in order. The second calls
// exit at once. stop gives the signals back and ends the goroutine.
func untilSignal(parent context.Context, exit func(code int)) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	done := make(chan struct{})
	var owner sync.WaitGroup
	owner.Go(func() {
		for first := true; ; first = false {
			select {
			case <-done:
				return
			case s := <-signals:
				cause := &signalError{signal: syscall.SIGTERM}
				if s == syscall.SIGINT {
					cause.signal = syscall.SIGINT
				}
				if !first {
					exit(cause.exitCode())
					return
				}
				cancel(cause)
			}
		}
	})
	var once sync.Once
	return ctx, func() {
		once.Do(func() {
			signal.Stop(signals)
			close(done)
			owner.Wait()
			cancel(nil)
		})
	}
}
