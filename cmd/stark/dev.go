package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/stark-o/stark/backend/wire"
	"github.com/stark-o/stark/cmd/stark/internal/bundle"
	"github.com/stark-o/stark/cmd/stark/internal/client"
	"github.com/stark-o/stark/cmd/stark/internal/follow"
)

// devPatience is how long a pod may take to stop, beyond its grace period, before it is deleted as it is.
const devPatience = 10 * time.Second

func newDev(c *cli) *cobra.Command {
	var o runOptions
	cmd := &cobra.Command{
		Use:   "dev [DIR] [-- ARG …]",
		Short: "Run a pack from its folder, and again whenever a file of it changes",
		Long: `Run a pack from its folder, and again whenever a file of it changes: bundle it, push it as a private pre-release version, replace the
pod, and show what it writes. Ctrl-C stops and deletes the pod and that version.

The versions are called 1.2.3-dev.TIME after the 1.2.3 of package.json, so that no release is ever replaced by one.`,
		Example: `  stark dev
  stark dev ./hello --env LANGUAGE=fr -- Ada
  stark dev ./hello --node-selector zone=eu`,
		Args: func(cmd *cobra.Command, args []string) error {
			if n := cmd.ArgsLenAtDash(); n >= 0 {
				args = args[:n]
			}
			return between(0, 1, "")(cmd, args)
		},
	}
	podFlags(cmd, &o)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		var dir, rest []string
		if dir = args; cmd.ArgsLenAtDash() >= 0 {
			dir, rest = args[:cmd.ArgsLenAtDash()], args[cmd.ArgsLenAtDash():]
		}
		m, err := bundle.Read(folderOf(dir))
		if err != nil {
			return err
		}
		if err := m.Check(); err != nil {
			return err
		}
		create, err := c.podCreate(cmd, append([]string{m.Name}, rest...), o)
		if err != nil {
			return err
		}
		if create.GracePeriodMS == nil { // whoever waits for their change waits for the old pod first
			grace := int32(2000)
			create.GracePeriodMS = &grace
		}
		conn, err := c.connect()
		if err != nil {
			return err
		}
		d := &development{cli: c, conn: conn, manifest: m, create: create}
		return d.run(cmd.Context())
	}
	return cmd
}

// development is a pack that is being worked on, and the pod of its newest version. One goroutine changes it; another follows the pod.
type development struct {
	*cli
	conn     *connection
	manifest bundle.Manifest
	create   wire.PodCreate
	sha256   string // of the bundle that runs

	pack *wire.Pack // nil before the first version
	pod  *wire.Pod
	quit context.CancelFunc // ends the following of pod
	log  sync.WaitGroup
}

func (d *development) run(ctx context.Context) error {
	err := bundle.Watch(ctx, d.manifest, bundle.Options{Sourcemap: true}, func(built *bundle.Result, wrong error) error {
		if wrong == nil {
			for _, w := range built.Warnings {
				d.note("warning: %s", w)
			}
			wrong = d.replace(ctx, built)
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if wrong != nil {
			d.explain(wrong)
			d.note("--- waiting for the next change")
		}
		return nil
	})
	if cleared := d.clear(context.WithoutCancel(ctx)); cleared != nil {
		return cleared // what is left behind is more to be told than that somebody pressed Ctrl-C
	}
	return err
}

// replace makes a version of the bundle and runs it in place of the one before.
func (d *development) replace(ctx context.Context, built *bundle.Result) error {
	if built.SHA256 == d.sha256 {
		return nil
	}
	version := devVersion(d.manifest.Version, d.now())
	pack, err := d.register(ctx, d.conn, wire.PackCreate{
		Name: d.manifest.Name, Version: version, RuntimeTag: d.manifest.Runtime, Description: d.manifest.Description,
		Visibility: "private", BundleSHA256: built.SHA256,
	}, built.Code)
	if err != nil {
		return err
	}
	if err := d.clear(ctx); err != nil {
		_, removed := removePack(context.WithoutCancel(ctx), d.conn, pack)
		return errors.Join(err, removed)
	}
	d.pack, d.sha256 = &pack, built.SHA256
	create := d.create
	create.Pack, create.Version, create.PackID = "", "", &pack.ID
	pod, err := d.conn.CreatePod(ctx, create)
	if err != nil {
		return err
	}
	d.pod = &pod
	d.note("--- pod/%s runs %s", pod.Name, packName(pack))
	following, quit := context.WithCancel(ctx)
	d.quit = quit
	d.log.Go(func() { d.follow(following, pod) })
	return nil
}

// follow shows what the pod writes until it has ended or is replaced.
func (d *development) follow(ctx context.Context, pod wire.Pod) {
	watch := follow.Watch{Status: d.tellStatus(), Line: d.logLine(false)}
	last, err := follow.Pod(ctx, d.conn, pod.ID, watch, d.pace)
	switch {
	case ctx.Err() != nil, errors.Is(err, client.ErrNotFound): // replaced, or somebody deleted it
	case err != nil:
		d.explain(err)
	default:
		if err := outcome(last); err != nil {
			d.explain(err)
		} else if result := someJSON(last.Result, "null"); result != "" {
			d.note("result: %s", result)
		}
		d.note("--- waiting for the next change")
	}
}

// clear stops the pod, waits for its end, and deletes it and its version.
func (d *development) clear(ctx context.Context) error {
	if d.pod != nil {
		if _, err := d.conn.StopPod(ctx, d.pod.ID); err != nil && !errors.Is(err, client.ErrNotFound) && !errors.Is(err, client.ErrConflict) {
			return fmt.Errorf("stop pod/%s: %w", d.pod.Name, err)
		}
		waiting, cancel := limit(ctx, devPatience+time.Duration(*d.create.GracePeriodMS)*time.Millisecond)
		defer cancel()
		if _, err := follow.Pod(waiting, d.conn, d.pod.ID, follow.Watch{}, d.pace); err != nil && !errors.Is(err, client.ErrNotFound) && !errors.Is(err, errTimeout) {
			return fmt.Errorf("wait for the end of pod/%s: %w", d.pod.Name, err)
		}
		d.quit()
		d.log.Wait()
		if err := d.conn.DeletePod(ctx, d.pod.ID); err != nil && !errors.Is(err, client.ErrNotFound) {
			return fmt.Errorf("delete pod/%s: %w", d.pod.Name, err)
		}
		d.note("--- pod/%s is stopped and deleted", d.pod.Name)
		d.pod = nil
	}
	if d.pack != nil {
		if _, err := removePack(ctx, d.conn, *d.pack); err != nil && !errors.Is(err, client.ErrNotFound) {
			return fmt.Errorf("delete pack/%s: %w", packName(*d.pack), err)
		}
		d.pack, d.sha256 = nil, ""
	}
	return nil
}

// devVersion is a pre-release of a version: below it, and above earlier ones.
func devVersion(version string, now time.Time) string {
	version, _, _ = strings.Cut(version, "+")
	separator := "-"
	if strings.Contains(version, "-") {
		separator = "."
	}
	return fmt.Sprintf("%s%sdev.%d", version, separator, now.UnixMilli())
}
