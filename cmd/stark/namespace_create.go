package main

import (
	"github.com/spf13/cobra"

	"github.com/stark-o/stark/backend/wire"
	"github.com/stark-o/stark/cmd/stark/internal/output"
)

type namespaceOptions struct {
	maxPods           int64
	maxCPU, maxMemory string
	labels            []string
}

func newNamespaceCreate(c *cli) *cobra.Command {
	var o namespaceOptions
	cmd := &cobra.Command{
		Use:   "create NAME",
		Short: "Create a namespace, with a quota if you like",
		Example: `  stark namespace create staging
  stark namespace create batch --max-pods 100 --max-cpu 8 --max-memory 16Gi --label team=data`,
		Args: between(1, 1, "NAME"),
	}
	cmd.Flags().Int64Var(&o.maxPods, "max-pods", 0, "how many live pods it may have (default no bound)")
	cmd.Flags().StringVar(&o.maxCPU, "max-cpu", "", "sum of their CPU requests, e.g. 8 (default no bound)")
	cmd.Flags().StringVar(&o.maxMemory, "max-memory", "", "sum of their memory requests, e.g. 16Gi (default no bound)")
	cmd.Flags().StringSliceVarP(&o.labels, "label", "l", nil, "labels: KEY=VALUE,…")
	format := outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		f, err := format()
		if err != nil {
			return err
		}
		in := wire.NamespaceCreate{Name: args[0]}
		if in.Labels, err = pairs(cmd, "label", o.labels, nil); err != nil {
			return err
		}
		in.ResourceQuota = o.quota(cmd)
		conn, err := c.connect()
		if err != nil {
			return err
		}
		ns, err := conn.CreateNamespace(cmd.Context(), in)
		if err != nil {
			return err
		}
		if f.People() {
			return c.say("namespace/%s created", ns.Name)
		}
		return output.One(c.printer(f), ns, nil, "namespace", namespaceName)
	}
	return cmd
}

// quota holds what was asked for: 0 pods is a bound too.
func (o *namespaceOptions) quota(cmd *cobra.Command) wire.Quota {
	var q wire.Quota
	if cmd.Flags().Changed("max-pods") {
		q.MaxPods = &o.maxPods
	}
	if o.maxCPU != "" {
		q.MaxCPU = &o.maxCPU
	}
	if o.maxMemory != "" {
		q.MaxMemory = &o.maxMemory
	}
	return q
}
