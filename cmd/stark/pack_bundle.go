package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/cmd/stark/internal/bundle"
)

type bundleOptions struct {
	out, runtime string
	bundle.Options
}

func newPackBundle(c *cli) *cobra.Command {
	var o bundleOptions
	cmd := &cobra.Command{
		Use:   "bundle [DIR]",
		Short: "Bundle a folder of JavaScript or TypeScript into one ES module",
		Long: `Bundle a folder of JavaScript or TypeScript, with all that it imports, into one ES module.

package.json says what it is: name, version, description, module or main; and a "stark" object with what npm has no word for:
  "stark": { "runtime": "node" | "browser" | "universal", "entry": "src/main.ts", "name": "hello" }
A browser or universal pack cannot import the built-ins of Node.js.`,
		Example: `  stark pack bundle
  stark pack bundle ./hello --out hello.js --minify
  stark pack bundle ./hello --runtime node --sourcemap`,
		Args: between(0, 1, ""),
		RunE: func(_ *cobra.Command, args []string) error { return c.packBundle(folderOf(args), o) },
	}
	cmd.Flags().StringVar(&o.out, "out", "", "file to write (default DIR/dist/NAME-VERSION.js)")
	runtimeFlag(cmd, &o.runtime)
	buildFlags(cmd, &o.Options)
	return cmd
}

func buildFlags(cmd *cobra.Command, o *bundle.Options) {
	cmd.Flags().BoolVar(&o.Minify, "minify", false, "make it smaller and harder to read")
	cmd.Flags().BoolVar(&o.Sourcemap, "sourcemap", false, "add an inline source map")
}

func folderOf(args []string) string {
	if len(args) == 0 {
		return "."
	}
	return args[0]
}

func (c *cli) packBundle(dir string, o bundleOptions) error {
	m, err := bundle.Read(dir)
	if err != nil {
		return err
	}
	if o.runtime != "" {
		m.Runtime = core.RuntimeTag(o.runtime)
	}
	out := o.out
	if err := m.Check(); err != nil && (out == "" || !m.Runtime.Valid()) { // a bundle that is only looked at needs no name
		return err
	}
	if out == "" {
		out = filepath.Join(dir, "dist", m.Name+"-"+m.Version+".js")
	}
	built, err := c.build(m, o.Options)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(out), 0o755); err != nil {
		return fmt.Errorf("make the folder of the bundle: %w", err)
	}
	if err := os.WriteFile(out, built.Code, 0o644); err != nil {
		return fmt.Errorf("write the bundle: %w", err)
	}
	return built.Summary(c.out, out)
}

func (c *cli) build(m bundle.Manifest, o bundle.Options) (*bundle.Result, error) {
	built, err := bundle.Build(m, o)
	if err != nil {
		return nil, err
	}
	for _, w := range built.Warnings {
		c.note("warning: %s", w)
	}
	return built, nil
}
