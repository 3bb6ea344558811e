package main

import (
	"github.com/spf13/cobra"

	"github.com/stark-o/stark/cmd/stark/internal/client"
)

func newPodDelete(c *cli) *cobra.Command {
	return newDeleteOf(c, podKind(client.PodFilter{}), "Delete pods, running or not, with their logs", `  stark pod delete hello-5f0c9a3e8a35
  stark pod list --status stopped -o name | xargs stark pod delete`)
}
