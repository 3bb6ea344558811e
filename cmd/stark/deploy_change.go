package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/stark-o/stark/backend/wire"
	"github.com/stark-o/stark/cmd/stark/internal/client"
)

// onDeployment finds a deployment and does something about it.
func (c *cli) onDeployment(ctx context.Context, namespace, ref string, do func(*connection, wire.Deployment) error) error {
	conn, err := c.connect()
	if err != nil {
		return err
	}
	d, err := findDeployment(ctx, conn, namespace, ref)
	if err != nil {
		return err
	}
	return do(conn, d)
}

func newDeployUpdate(c *cli) *cobra.Command {
	var namespace string
	var wait bool
	var timeout time.Duration
	var strategy strategyOptions
	var followLatest bool
	cmd := &cobra.Command{
		Use:   "update NAME | ID [PACK[:VERSION]]",
		Short: "Roll a deployment over to another version",
		Long: `Roll a deployment over to another version, and change how it rolls. Without a version, it is the highest one.
The template of its pods is changed with "stark apply".`,
		Example: `  stark deploy update web hello:1.3.0 --wait
  stark deploy update web hello
  stark deploy update web --max-unavailable 0 --follow-latest`,
		Args: between(1, 2, "NAME"),
	}
	namespaceFlag(cmd, &namespace)
	strategyFlags(cmd, &strategy)
	cmd.Flags().BoolVar(&followLatest, "follow-latest", false, "move to every higher version of the pack by itself; --follow-latest=false ends that")
	waitFlags(cmd, &wait, &timeout)
	completes(c, cmd, deploymentKind(), false)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		var patch wire.DeploymentPatch
		var err error
		if patch.Strategy, err = strategy.json(cmd); err != nil {
			return err
		}
		if cmd.Flags().Changed("follow-latest") {
			patch.FollowLatest = &followLatest
		}
		if len(args) == 2 {
			if id, ok := asID(args[1]); ok {
				patch.PackID = &id
			} else {
				patch.Pack, patch.Version = splitPack(args[1])
			}
		}
		if len(args) == 1 && patch.Strategy == nil && patch.FollowLatest == nil {
			return usage(cmd, "nothing to change: give PACK[:VERSION] or a flag")
		}
		return c.onDeployment(cmd.Context(), namespace, args[0], func(conn *connection, d wire.Deployment) error {
			d, err := change(cmd.Context(), conn, d, patch)
			if err != nil {
				return err
			}
			if err := c.say("deployment/%s updated: %s, generation %d", d.Name, deploymentPack(d), d.Generation); err != nil || !wait {
				return err
			}
			return c.awaitRollout(cmd.Context(), conn, d, timeout)
		})
	}
	return cmd
}

// change changes a deployment; of the strategy only what the patch says of it, whoever changes the rest at the same time.
func change(ctx context.Context, conn *connection, d wire.Deployment, patch wire.DeploymentPatch) (wire.Deployment, error) {
	if patch.Strategy == nil {
		return conn.UpdateDeployment(ctx, d.ID, patch)
	}
	for try := 1; ; try++ {
		whole, err := merged(d.Strategy, patch.Strategy)
		if err != nil {
			return d, err
		}
		meant := patch
		meant.Strategy, meant.Revision = whole, &d.Revision
		changed, err := conn.UpdateDeployment(ctx, d.ID, meant)
		if !errors.Is(err, client.ErrConflict) || try == conflictTries {
			return changed, err
		}
		if d, err = conn.Deployment(ctx, d.ID); err != nil {
			return d, err
		}
	}
}

// merged is an object with the members of another put in.
func merged(object, changes json.RawMessage) (json.RawMessage, error) {
	all := map[string]any{}
	for _, raw := range []json.RawMessage{object, changes} {
		if err := json.Unmarshal(raw, &all); err != nil {
			return nil, fmt.Errorf("read the strategy: %w", err)
		}
	}
	raw, err := json.Marshal(all)
	if err != nil {
		return nil, fmt.Errorf("encode the strategy: %w", err)
	}
	return raw, nil
}

func waitFlags(cmd *cobra.Command, wait *bool, timeout *time.Duration) {
	cmd.Flags().BoolVar(wait, "wait", false, "wait until it is rolled out")
	cmd.Flags().DurationVar(timeout, "timeout", 0, "with --wait: give up after this long; 0 is never")
}

func newDeployScale(c *cli) *cobra.Command {
	var namespace string
	var replicas int32
	var wait bool
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:   "scale NAME | ID --replicas N",
		Short: "Change how many pods a deployment keeps",
		Example: `  stark deploy scale web --replicas 5
  stark deploy scale web -r 0 --wait`,
		Args: between(1, 1, "NAME"),
	}
	namespaceFlag(cmd, &namespace)
	cmd.Flags().Int32VarP(&replicas, "replicas", "r", 0, "how many pods")
	waitFlags(cmd, &wait, &timeout)
	completes(c, cmd, deploymentKind(), false)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if !cmd.Flags().Changed("replicas") {
			return usage(cmd, "--replicas is missing")
		}
		return c.onDeployment(cmd.Context(), namespace, args[0], func(conn *connection, d wire.Deployment) error {
			d, err := conn.UpdateDeployment(cmd.Context(), d.ID, wire.DeploymentPatch{Replicas: &replicas})
			if err != nil {
				return err
			}
			if err := c.say("deployment/%s scaled to %d", d.Name, replicas); err != nil || !wait {
				return err
			}
			return c.awaitRollout(cmd.Context(), conn, d, timeout)
		})
	}
	return cmd
}
