package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/wire"
	"github.com/stark-o/stark/cmd/stark/internal/output"
)

type runOptions struct {
	name, namespace, priorityClass string
	cpu, memory                    string
	env, args, tolerations         []string
	selector, labels               []string
	grace, timeout                 time.Duration
	wait, follow                   bool
}

func newPodRun(c *cli) *cobra.Command {
	var o runOptions
	cmd := &cobra.Command{
		Use:   "run PACK[:VERSION] | ID [-- ARG …]",
		Short: "Run a pack: make a pod of it",
		Long: `Run a pack: make a pod of it. Without a version, the highest one runs.

The pod is scheduled at once. With --wait the command stays until it runs (or has ended), with -f it prints what the pod writes until it has
ended; either way the exit code is 1 if the pod failed. Interrupting the command leaves the pod as it is.

The environment of a pod can be read by everyone who may see pods: it is no place for secrets.`,
		Example: `  stark pod run hello
  stark pod run hello:1.2.0 --name greeter -f
  stark pod run resize@2.0.0 --cpu 500m --memory 256Mi --node-selector gpu=true --env MODE=fast -- in.png out.png
  stark pod run hello --wait --timeout 30s -o json`,
		Args: func(cmd *cobra.Command, args []string) error {
			if n := cmd.ArgsLenAtDash(); n >= 0 {
				args = args[:n]
			}
			return between(1, 1, "PACK")(cmd, args)
		},
	}
	podFlags(cmd, &o)
	fs := cmd.Flags()
	fs.StringVar(&o.name, "name", "", "name of the pod (default made up)")
	fs.BoolVar(&o.wait, "wait", false, "wait until the pod runs or has ended")
	fs.BoolVarP(&o.follow, "follow", "f", false, "print what the pod writes until it has ended")
	fs.BoolVar(&o.follow, "logs", false, "same as --follow")
	fs.DurationVar(&o.timeout, "timeout", 0, "with --wait or -f: give up after this long; 0 is never")
	format := outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		f, err := format()
		if err != nil {
			return err
		}
		create, err := c.podCreate(cmd, args, o)
		if err != nil {
			return err
		}
		return c.podRun(cmd.Context(), create, o, f)
	}
	return cmd
}

// podFlags are those that say what a pod is like.
func podFlags(cmd *cobra.Command, o *runOptions) {
	fs := cmd.Flags()
	namespaceFlag(cmd, &o.namespace)
	fs.StringArrayVarP(&o.env, "env", "e", nil, "environment: KEY=VALUE, or KEY to take it from this one; repeatable")
	fs.StringArrayVar(&o.args, "arg", nil, "argument of the pack; repeatable, also after --")
	fs.StringVar(&o.cpu, "cpu", "", "CPU request, e.g. 250m or 2")
	fs.StringVar(&o.memory, "memory", "", "memory request and limit, e.g. 128Mi")
	fs.StringSliceVar(&o.selector, "node-selector", nil, "labels that the node must have: KEY=VALUE,…")
	fs.StringArrayVar(&o.tolerations, "toleration", nil, "taint that the pod can live with: KEY[=VALUE][:EFFECT]; repeatable")
	fs.StringSliceVarP(&o.labels, "label", "l", nil, "labels of the pod: KEY=VALUE,…")
	fs.StringVar(&o.priorityClass, "priority-class", "", "priority class (default the cluster's)")
	fs.DurationVar(&o.grace, "grace-period", 0, "how long it may take to end when told to (default the server's)")
}

// podCreate makes the request of the command line.
func (c *cli) podCreate(cmd *cobra.Command, args []string, o runOptions) (wire.PodCreate, error) {
	in := wire.PodCreate{
		Name: o.name, Namespace: o.namespace, PriorityClass: o.priorityClass,
		Resources: wire.Resources{CPU: o.cpu, Memory: o.memory},
	}
	if id, ok := asID(args[0]); ok {
		in.PackID = &id
	} else {
		in.Pack, in.Version = splitPack(args[0])
	}
	if o.timeout < 0 || o.timeout > 0 && !o.wait && !o.follow {
		return in, usage(cmd, "--timeout goes with --wait or -f, and is not negative")
	}
	if cmd.Flags().Changed("grace-period") {
		ms := o.grace.Milliseconds()
		if ms < 0 || ms > time.Hour.Milliseconds() {
			return in, usage(cmd, "--grace-period %s: want 0 to 1h", o.grace)
		}
		grace := int32(ms)
		in.GracePeriodMS = &grace
	}
	var err error
	if all := slices.Concat(o.args, args[1:]); len(all) > 0 {
		if in.Args, err = json.Marshal(all); err != nil {
			return in, fmt.Errorf("encode the arguments: %w", err)
		}
	}
	if in.Env, err = pairs(cmd, "env", o.env, c.ownVariable); err != nil {
		return in, err
	}
	if in.NodeSelector, err = pairs(cmd, "node-selector", o.selector, nil); err != nil {
		return in, err
	}
	if in.Labels, err = pairs(cmd, "label", o.labels, nil); err != nil {
		return in, err
	}
	in.Tolerations, err = tolerations(cmd, o.tolerations)
	return in, err
}

// ownVariable is a variable of this process, which keeps its value off the command line.
func (c *cli) ownVariable(key string) (string, error) {
	value := c.env(key)
	if value == "" {
		return "", errors.New("it is not set here; want KEY=VALUE")
	}
	return value, nil
}

// tolerations reads KEY[=VALUE][:EFFECT]. Without a value any one is tolerated, without an effect every one.
func tolerations(cmd *cobra.Command, items []string) ([]core.Toleration, error) {
	var list []core.Toleration
	for _, item := range items {
		spec, effect, _ := strings.Cut(item, ":")
		key, value, valued := strings.Cut(spec, "=")
		t := core.Toleration{Key: key, Operator: "Exists", Effect: core.Effect(effect)}
		if valued {
			t.Operator, t.Value = "Equal", value
		}
		known := []core.Effect{"", core.EffectNoSchedule, core.EffectPreferNoSchedule, core.EffectNoExecute}
		if key == "" || !slices.Contains(known, t.Effect) {
			return nil, usage(cmd, "--toleration %q: want KEY[=VALUE][:NoSchedule|PreferNoSchedule|NoExecute]", item)
		}
		list = append(list, t)
	}
	return list, nil
}

func (c *cli) podRun(ctx context.Context, create wire.PodCreate, o runOptions, f output.Format) error {
	conn, err := c.connect()
	if err != nil {
		return err
	}
	pod, err := conn.CreatePod(ctx, create)
	if err != nil {
		return err
	}
	if o.follow {
		c.note("pod/%s created", pod.Name) // standard output is the pod's
		return c.attend(ctx, conn, pod, o)
	}
	people := f.People()
	if people {
		if err := c.say("pod/%s created", pod.Name); err != nil {
			return err
		}
	}
	var failed error
	if o.wait {
		pod, failed = c.await(ctx, conn, pod, o)
	}
	if !people {
		if err := output.One(c.printer(f), pod, nil, "pod", podName); err != nil {
			return err
		}
	}
	return failed
}
