package main

import "github.com/spf13/cobra"

func newPackDelete(c *cli) *cobra.Command {
	return newDeleteOf(c, packKind(""), "Delete versions of packs that no pod refers to", `  stark pack delete hello@1.0.0
  stark pack delete 5f0c9a3e-8a35-4f0e-9d43-7f3a1d3a6c11`)
}
