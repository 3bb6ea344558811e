package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/stark-o/stark/cmd/stark/internal/output"
)

const defaultNamespace = "default"

// outputFlag adds -o. The format is read by the function it returns, once the flags are parsed.
func outputFlag(cmd *cobra.Command) func() (output.Format, error) {
	value := cmd.Flags().StringP("output", "o", string(output.Table), "format: "+strings.Join(output.Formats, ", "))
	mustComplete(cmd, "output", output.Formats)
	return func() (output.Format, error) {
		f, err := output.ParseFormat(*value)
		if err != nil {
			return "", usage(cmd, "%w", err)
		}
		return f, nil
	}
}

// shows makes cmd one that shows something of the server's, in the format that -o says. A wrong format is told before the server is asked.
func (c *cli) shows(cmd *cobra.Command, run func(ctx context.Context, conn *connection, out output.Printer, args []string) error) {
	format := outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		f, err := format()
		if err != nil {
			return err
		}
		conn, err := c.connect()
		if err != nil {
			return err
		}
		return run(cmd.Context(), conn, c.listPrinter(cmd, f), args)
	}
}

// headersFlag is for what shows tables; listPrinter reads it.
func headersFlag(cmd *cobra.Command) {
	cmd.Flags().Bool("no-headers", false, "tables without the line of titles")
}

func (c *cli) listPrinter(cmd *cobra.Command, f output.Format) output.Printer {
	out := c.printer(f)
	if flag := cmd.Flags().Lookup("no-headers"); flag != nil {
		out.NoHeaders = flag.Value.String() == "true"
	}
	return out
}

// mustComplete offers values for a flag to the shell. It only fails for a flag that does not exist, which is a slip in this program.
func mustComplete(cmd *cobra.Command, flag string, values []string) {
	err := cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
	if err != nil {
		panic(fmt.Sprintf("completion of --%s of %s: %v", flag, cmd.Name(), err))
	}
}

func namespaceFlag(cmd *cobra.Command, into *string) {
	cmd.Flags().StringVarP(into, "namespace", "n", defaultNamespace, "namespace that it is in")
}

// between accepts min to max arguments (max < 0: any number), none of them empty. what names them in the error.
func between(minimum, maximum int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) < minimum:
			return usage(cmd, "%s is missing", what)
		case maximum >= 0 && len(args) > maximum:
			return usage(cmd, "unexpected argument %q", args[maximum])
		}
		for _, a := range args {
			if a == "" {
				return usage(cmd, "%s is empty", what)
			}
		}
		return nil
	}
}

// pairs reads k=v items; flag names them in the error. bare says what an item without "=" stands for, nil refuses it.
func pairs(cmd *cobra.Command, flag string, items []string, bare func(key string) (string, error)) (map[string]string, error) {
	if len(items) == 0 {
		return nil, nil
	}
	m := make(map[string]string, len(items))
	for _, item := range items {
		key, value, found := strings.Cut(item, "=")
		if !found && bare != nil {
			var err error
			if value, err = bare(key); err != nil {
				return nil, usage(cmd, "--%s %s: %w", flag, item, err)
			}
			found = true
		}
		if key == "" || !found {
			return nil, usage(cmd, "--%s %q: want key=value", flag, item)
		}
		if _, twice := m[key]; twice {
			return nil, usage(cmd, "--%s %s is given twice", flag, key)
		}
		m[key] = value
	}
	return m, nil
}

// trimKind takes pod/ off what -o name printed.
func trimKind(ref, kind string) string {
	return strings.TrimPrefix(ref, kind+"/")
}

// asID says whether ref is an id rather than a name.
func asID(ref string) (uuid.UUID, bool) {
	if len(ref) != 36 { // uuid.Parse takes other spellings too
		return uuid.Nil, false
	}
	id, err := uuid.Parse(ref)
	return id, err == nil
}

func join(items []string) string { return strings.Join(items, ",") }
