package postgres

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestSmoke(t *testing.T) {
	t0 := time.Now()
	s, err := Start(context.Background(), Config{Ephemeral: true, Progress: func(m string) { t.Log(time.Since(t0), m) }})
	require.NoError(t, err)
	t.Log(time.Since(t0), s.URL("postgres", "postgres"))
	require.NoError(t, s.Stop(context.Background()))
	t.Log(time.Since(t0))
}
