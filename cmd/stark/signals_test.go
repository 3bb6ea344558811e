//go:build unix

package main

import (
	"context"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// Not parallel: signals are the whole process'.
func TestFirstSignalCancelsSecondExits(t *testing.T) {
	exits := make(chan int, 1)
	ctx, stop := untilSignal(t.Context(), func(code int) { exits <- code })
	defer stop()
	require.NoError(t, ctx.Err())

	require.NoError(t, syscall.Kill(syscall.Getpid(), syscall.SIGTERM))
	<-ctx.Done()
	require.ErrorIs(t, context.Cause(ctx), context.Canceled)
	var cause *signalError
	require.ErrorAs(t, context.Cause(ctx), &cause)
	require.Equal(t, 143, cause.exitCode())

	require.NoError(t, syscall.Kill(syscall.Getpid(), syscall.SIGINT))
	require.Equal(t, 130, <-exits)
	stop()
	stop()
}

func TestStopWithoutSignal(t *testing.T) {
	ctx, stop := untilSignal(t.Context(), func(int) { t.Error("exited") })
	stop()
	require.Error(t, ctx.Err(), "nothing leaks")
}
