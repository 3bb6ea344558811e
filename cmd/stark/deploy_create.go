package main

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/stark-o/stark/backend/wire"
	"github.com/stark-o/stark/cmd/stark/internal/output"
)

// strategyOptions say how rollouts go; what is empty is the server's default.
type strategyOptions struct {
	maxSurge, maxUnavailable   string
	minReady, progressDeadline time.Duration
	recreate, noRollback       bool
}

func strategyFlags(cmd *cobra.Command, o *strategyOptions) {
	fs := cmd.Flags()
	fs.StringVar(&o.maxSurge, "max-surge", "", "how many pods more than wanted a rollout may make: 1 or 25% (default 25%)")
	fs.StringVar(&o.maxUnavailable, "max-unavailable", "", "how many pods fewer than wanted may be available in a rollout: 1 or 25% (default 25%)")
	fs.DurationVar(&o.minReady, "min-ready", 0, "how long a new pod has to run before it counts as available (default 1s)")
	fs.DurationVar(&o.progressDeadline, "progress-deadline", 0, "how long a rollout may stand still before that is said (default 10m)")
	fs.BoolVar(&o.recreate, "recreate", false, "end all old pods before the first new one begins")
	fs.BoolVar(&o.noRollback, "no-auto-rollback", false, "do not go back by itself when a new version does nothing but crash")
}

// json is the strategy as the API takes it, nil when nothing was said.
func (o strategyOptions) json(cmd *cobra.Command) (json.RawMessage, error) {
	s := map[string]any{}
	if o.maxSurge != "" {
		s["maxSurge"] = o.maxSurge
	}
	if o.maxUnavailable != "" {
		s["maxUnavailable"] = o.maxUnavailable
	}
	if cmd.Flags().Changed("min-ready") {
		s["minReadySeconds"] = int64(o.minReady.Seconds())
	}
	if cmd.Flags().Changed("progress-deadline") {
		s["progressDeadlineSeconds"] = int64(o.progressDeadline.Seconds())
	}
	if o.recreate {
		s["type"] = "Recreate"
	}
	if o.noRollback {
		s["autoRollback"] = false
	}
	if o.minReady < 0 || o.progressDeadline < 0 {
		return nil, usage(cmd, "--min-ready and --progress-deadline are not negative")
	}
	if len(s) == 0 {
		return nil, nil
	}
	raw, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("encode the strategy: %w", err)
	}
	return raw, nil
}

// templateOf is what the pod flags say, as a deployment's template.
func templateOf(in wire.PodCreate) (json.RawMessage, error) {
	spec := map[string]any{}
	put := func(key string, value any, given bool) {
		if given {
			spec[key] = value
		}
	}
	put("env", in.Env, len(in.Env) > 0)
	put("args", in.Args, len(in.Args) > 0)
	put("cpu", in.Resources.CPU, in.Resources.CPU != "")
	put("memory", in.Resources.Memory, in.Resources.Memory != "")
	put("priorityClass", in.PriorityClass, in.PriorityClass != "")
	put("nodeSelector", in.NodeSelector, len(in.NodeSelector) > 0)
	put("tolerations", in.Tolerations, len(in.Tolerations) > 0)
	put("labels", in.Labels, len(in.Labels) > 0)
	put("gracePeriodMs", in.GracePeriodMS, in.GracePeriodMS != nil)
	raw, err := json.Marshal(spec)
	if err != nil {
		return nil, fmt.Errorf("encode the template: %w", err)
	}
	return raw, nil
}

func newDeployCreate(c *cli) *cobra.Command {
	var o runOptions
	var strategy strategyOptions
	var replicas int32
	var daemonset, follow bool
	cmd := &cobra.Command{
		Use:   "create PACK[:VERSION] | ID [-- ARG …]",
		Short: "Keep pods of a pack running",
		Long: `Keep pods of a pack running: so many, or with --daemonset one on every node that suits. A pod that ends, fails or loses its node is replaced.

With --follow-latest the deployment moves to every higher version as soon as it is pushed. A new version that does nothing but crash is taken back.`,
		Example: `  stark deploy create hello --name web --replicas 3
  stark deploy create hello:1.2.0 --name web --replicas 3 --max-unavailable 0 --min-ready 5s --wait
  stark deploy create metrics --daemonset --node-selector gpu=true
  stark deploy create hello --follow-latest`,
		Args: func(cmd *cobra.Command, args []string) error {
			if n := cmd.ArgsLenAtDash(); n >= 0 {
				args = args[:n]
			}
			return between(1, 1, "PACK")(cmd, args)
		},
	}
	podFlags(cmd, &o)
	strategyFlags(cmd, &strategy)
	fs := cmd.Flags()
	fs.StringVar(&o.name, "name", "", "name of the deployment (default the pack's)")
	fs.Int32VarP(&replicas, "replicas", "r", 1, "how many pods")
	fs.BoolVar(&daemonset, "daemonset", false, "one pod on every node that suits, instead of --replicas")
	fs.BoolVar(&follow, "follow-latest", false, "move to every higher version of the pack by itself")
	fs.BoolVar(&o.wait, "wait", false, "wait until it is rolled out")
	fs.DurationVar(&o.timeout, "timeout", 0, "with --wait: give up after this long; 0 is never")
	format := outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		f, err := format()
		if err != nil {
			return err
		}
		pod, err := c.podCreate(cmd, args, o)
		if err != nil {
			return err
		}
		in := wire.DeploymentCreate{Name: o.name, Namespace: o.namespace, PackID: pod.PackID, Pack: pod.Pack, Version: pod.Version, FollowLatest: follow}
		if daemonset {
			in.Mode = "daemonset"
		} else {
			in.Replicas = &replicas
		}
		if in.Name == "" {
			in.Name = pod.Pack
		}
		if in.Name == "" {
			return usage(cmd, "--name is needed when the pack is given by its id")
		}
		if in.Strategy, err = strategy.json(cmd); err != nil {
			return err
		}
		if in.Spec, err = templateOf(pod); err != nil {
			return err
		}
		conn, err := c.connect()
		if err != nil {
			return err
		}
		d, err := conn.CreateDeployment(cmd.Context(), in)
		if err != nil {
			return err
		}
		if f.People() {
			if err := c.say("deployment/%s created", d.Name); err != nil {
				return err
			}
		}
		if o.wait {
			if err := c.awaitRollout(cmd.Context(), conn, d, o.timeout); err != nil {
				return err
			}
		}
		if !f.People() {
			return output.One(c.printer(f), d, nil, "deployment", deploymentName)
		}
		return nil
	}
	return cmd
}
