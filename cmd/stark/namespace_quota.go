package main

import (
	"strconv"

	"github.com/spf13/cobra"

	"github.com/stark-o/stark/backend/wire"
)

// noBound is what a flag says to take a bound away.
const noBound = "none"

// boundOptions are the bounds and defaults as they were typed; "" leaves one as it is.
type boundOptions struct{ pods, cpu, memory, defaultCPU, defaultMemory string }

func newNamespaceQuota(c *cli) *cobra.Command {
	var o boundOptions
	cmd := &cobra.Command{
		Use:   "quota NAME",
		Short: "Change what the pods of a namespace may take; \"stark namespace get\" shows what they take",
		Long: `Change what the pods of a namespace may take together, and what a pod asks for that says nothing. What is not given stays; "none" takes a bound
away. Pods that are there already stay, also beyond a new bound. Operators and admins may.`,
		Example: `  stark namespace quota staging --max-pods 100 --max-memory 16Gi
  stark namespace quota staging --max-cpu none --default-cpu 250m`,
		Args: between(1, 1, "NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if o == (boundOptions{}) {
				return usage(cmd, "pass --max-pods, --max-cpu, --max-memory, --default-cpu or --default-memory")
			}
			conn, err := c.connect()
			if err != nil {
				return err
			}
			ns, err := namespaceKind().find(cmd.Context(), conn, "", trimKind(args[0], "namespace"))
			if err != nil {
				return err
			}
			if err := o.change(cmd, &ns.ResourceQuota, &ns.Defaults); err != nil {
				return err
			}
			patch := wire.NamespacePatch{Revision: &ns.Revision} // of what is replaced whole, only what was asked for
			if o.pods+o.cpu+o.memory != "" {
				patch.ResourceQuota = &ns.ResourceQuota
			}
			if o.defaultCPU+o.defaultMemory != "" {
				patch.Defaults = &ns.Defaults
			}
			if ns, err = conn.UpdateNamespace(cmd.Context(), ns.Name, patch); err != nil {
				return err
			}
			return c.say("namespace/%s pods %s, cpu %s, memory %s", ns.Name, podsUsed(ns), cpuUsed(ns), memoryUsed(ns))
		},
	}
	fs := cmd.Flags()
	fs.StringVar(&o.pods, "max-pods", "", "how many live pods it may have, or none")
	fs.StringVar(&o.cpu, "max-cpu", "", "sum of their CPU requests, e.g. 8, or none")
	fs.StringVar(&o.memory, "max-memory", "", "sum of their memory requests, e.g. 16Gi, or none")
	fs.StringVar(&o.defaultCPU, "default-cpu", "", "CPU request of a pod that says nothing, e.g. 250m, or none")
	fs.StringVar(&o.defaultMemory, "default-memory", "", "memory request of a pod that says nothing, e.g. 256Mi, or none")
	completes(c, cmd, namespaceKind(), false)
	return cmd
}

// change puts what was typed over what there is.
func (o boundOptions) change(cmd *cobra.Command, quota *wire.Quota, defaults *wire.Resources) error {
	switch o.pods {
	case "":
	case noBound:
		quota.MaxPods = nil
	default:
		n, err := strconv.ParseInt(o.pods, 10, 64)
		if err != nil || n < 0 {
			return usage(cmd, "--max-pods %q: want a whole number, or none", o.pods)
		}
		quota.MaxPods = &n
	}
	for typed, bound := range map[*string]**string{&o.cpu: &quota.MaxCPU, &o.memory: &quota.MaxMemory} {
		switch *typed {
		case "":
		case noBound:
			*bound = nil
		default:
			*bound = typed
		}
	}
	for typed, value := range map[*string]*string{&o.defaultCPU: &defaults.CPU, &o.defaultMemory: &defaults.Memory} {
		switch *typed {
		case "":
		case noBound:
			*value = ""
		default:
			*value = *typed
		}
	}
	return nil
}

func podsUsed(n wire.Namespace) string {
	if n.Usage == nil {
		return ofBound("", number(n.ResourceQuota.MaxPods))
	}
	return ofBound(strconv.FormatInt(n.Usage.Pods, 10), number(n.ResourceQuota.MaxPods))
}

func cpuUsed(n wire.Namespace) string {
	if n.Usage == nil {
		return ofBound("", text(n.ResourceQuota.MaxCPU))
	}
	return ofBound(n.Usage.CPU, text(n.ResourceQuota.MaxCPU))
}

func memoryUsed(n wire.Namespace) string {
	if n.Usage == nil {
		return ofBound("", text(n.ResourceQuota.MaxMemory))
	}
	return ofBound(n.Usage.Memory, text(n.ResourceQuota.MaxMemory))
}

// ofBound is "3 of 100"; what is not counted is left out, and so is a bound that there is not.
func ofBound(used, bound string) string {
	switch {
	case bound == "":
		return used
	case used == "":
		return "at most " + bound
	}
	return used + " of " + bound
}
