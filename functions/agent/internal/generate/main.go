// Command generate writes dist/. Run it by `go generate ./functions/agent`.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/stark-o/stark/functions/agent"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	files, err := agent.Build(".")
	if err != nil {
		return err
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join("dist", name), content, 0o644); err != nil {
			return fmt.Errorf("write the agent: %w", err)
		}
	}
	return nil
}
