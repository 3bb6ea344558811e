package postgres

import (
	"context"
	"errors"
)

func (s *Server) fetchBinaries(ctx context.Context, major int) (binaries, error) {
	return binaries{}, errors.New("todo")
}
