package main

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"
)

const referencePage = "../../docs/cli.md"

// TestReferenceIsTrue: docs/cli.md is what the commands say of themselves. `make generate` writes it anew.
func TestReferenceIsTrue(t *testing.T) {
	t.Parallel()
	got := reference(newRoot(newCLI(nil, nil, nil, func(string) string { return "" })))
	if os.Getenv("UPDATE_GOLDEN") != "" {
		require.NoError(t, os.WriteFile(referencePage, []byte(got), 0o644))
	}
	want, err := os.ReadFile(referencePage)
	require.NoError(t, err)
	require.Equal(t, string(want), got, "run `make generate`")
}

// reference is the page: the whole first, then each command.
func reference(root *cobra.Command) string {
	var b strings.Builder
	b.WriteString("# The command line\n\n<!-- Written by `make generate` from what the commands say of themselves. -->\n\n")
	fmt.Fprintf(&b, "```text\n%s\n```\n\n`stark completion bash|zsh|fish|powershell` prints what makes a shell complete these commands.\n\n", root.Long)
	b.WriteString("| command | what it does |\n|---|---|\n")
	var leaves []*cobra.Command
	walk(root, func(cmd *cobra.Command) {
		if cmd.HasSubCommands() || cmd.Hidden || cmd.Name() == "help" {
			return
		}
		leaves = append(leaves, cmd)
		path := strings.TrimPrefix(cmd.CommandPath(), "stark ")
		fmt.Fprintf(&b, "| [`%s`](#stark-%s) | %s |\n", path, strings.ReplaceAll(path, " ", "-"), strings.ReplaceAll(cmd.Short, "|", "\\|"))
	})
	b.WriteString("\nOf every command: `--help`, and\n\n```text\n" + flagsOf(root.PersistentFlags()) + "```\n")
	for _, cmd := range leaves {
		describeCommand(&b, cmd)
	}
	return b.String()
}

func describeCommand(b *strings.Builder, cmd *cobra.Command) {
	fmt.Fprintf(b, "\n## %s\n\n%s.\n", cmd.CommandPath(), cmd.Short)
	if cmd.Long != "" {
		fmt.Fprintf(b, "\n```text\n%s\n```\n", cmd.Long)
	}
	fmt.Fprintf(b, "\n```text\n%s\n", cmd.UseLine())
	if flags := flagsOf(cmd.LocalNonPersistentFlags()); flags != "" {
		b.WriteString("\n" + flags)
	}
	fmt.Fprintf(b, "```\n\n```sh\n%s\n```\n", strings.ReplaceAll(strings.TrimPrefix(cmd.Example, "  "), "\n  ", "\n"))
}

// flagsOf leaves --help out: it is everywhere.
func flagsOf(all *pflag.FlagSet) string {
	shown := pflag.NewFlagSet("", pflag.ContinueOnError)
	all.VisitAll(func(f *pflag.Flag) {
		if f.Name != "help" {
			shown.AddFlag(f)
		}
	})
	return shown.FlagUsages()
}
