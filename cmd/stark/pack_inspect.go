package main

import "github.com/spf13/cobra"

func newPackInspect(c *cli) *cobra.Command {
	cmd := newShow(c, packKind(""), "inspect PACK[@VERSION] | ID", "Show one version of a pack", `  stark pack inspect hello@1.0.0
  stark pack inspect hello -o jsonpath='{.bundleSha256}'`)
	cmd.Aliases = []string{"get", "describe"}
	return cmd
}
