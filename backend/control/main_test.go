package control

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/stark-o/stark/tests/testdb"
)

// suite stops the database server before goroutines are counted.
type suite struct{ *testing.M }

func (s suite) Run() int { return testdb.Main(s.M) }

func TestMain(m *testing.M) { goleak.VerifyTestMain(suite{m}) }
