// Package integration tests what runs over a real database and real sockets, with the official clients where there are some.
package integration

import (
	"os"
	"testing"

	"github.com/stark-o/stark/tests/testdb"
)

func TestMain(m *testing.M) { os.Exit(testdb.Main(m)) }
