package main

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/cmd/stark/internal/bundle"
	"github.com/stark-o/stark/cmd/stark/internal/scaffold"
)

func newPackInit(c *cli) *cobra.Command {
	var name, runtime string
	cmd := &cobra.Command{
		Use:   "init [DIR]",
		Short: "Write the files that a new pack in TypeScript starts with",
		Long: `Write the files that a new pack in TypeScript starts with. Nothing that exists is overwritten.

Nothing has to be installed to run it; "npm install" gives an editor its types.`,
		Example: `  stark pack init hello
  stark pack init hello --runtime node && cd hello && stark dev`,
		Args: between(0, 1, ""),
	}
	cmd.Flags().StringVar(&name, "name", "", "name of the pack (default the folder's)")
	cmd.Flags().StringVar(&runtime, "runtime", string(core.TagUniversal), "where it runs: "+strings.Join(runtimeTags, ", "))
	mustComplete(cmd, "runtime", runtimeTags)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		dir := folderOf(args)
		if name == "" {
			whole, err := filepath.Abs(dir)
			if err != nil {
				return fmt.Errorf("find the folder: %w", err)
			}
			name = packNameOf(filepath.Base(whole))
		}
		m := bundle.Manifest{Name: name, Version: "0.1.0", Runtime: core.RuntimeTag(runtime)}
		if err := m.Check(); err != nil {
			return usage(cmd, "%w", err)
		}
		written, err := scaffold.Write(dir, scaffold.Pack{Name: name, Runtime: m.Runtime})
		if err != nil {
			return err
		}
		for _, file := range written {
			if err := c.say("%s", filepath.Join(dir, file)); err != nil {
				return err
			}
		}
		c.note("next: `stark dev%s` runs it and again at each change; `stark pack push%s` keeps a version", inFolder(args), inFolder(args))
		return nil
	}
	return cmd
}

var notOfNames = regexp.MustCompile(`[^a-z0-9]+`)

// packNameOf makes a pack's name of a folder's.
func packNameOf(folder string) string {
	name := strings.Trim(notOfNames.ReplaceAllString(strings.ToLower(folder), "-"), "-")
	return strings.TrimRight(name[:min(len(name), 63)], "-")
}

func inFolder(args []string) string {
	if len(args) == 0 {
		return ""
	}
	return " " + args[0]
}
