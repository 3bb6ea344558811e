package main

import (
	"os"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"
)

func TestWrongCommandLines(t *testing.T) {
	t.Parallel()
	s := newFake(t).loggedIn()
	for line, want := range map[string]string{
		"frobnicate":                           `unknown command "frobnicate"`,
		"pod lits":                             `did you mean "list"?`,
		"pod list --nope":                      "unknown flag: --nope",
		"pod list extra":                       `unexpected argument "extra"`,
		"pod list -o xml":                      "want -o table",
		"pod list --status dead":               "want one of",
		"pod get":                              "NAME is missing",
		"get":                                  "KIND is missing",
		"context use":                          "NAME is missing",
		"context rename a":                     "OLD or NEW is missing",
		"get things":                           "want one of pods, deployments, nodes",
		"get pods -o jsonpath={.name":          "-o jsonpath",
		"get pods -l a=b=c":                    "--selector",
		"get pods --limit -1":                  "want 0 or more",
		"get pods web -l a=b":                  "exclude each other",
		"get events 7":                         "have no names",
		"events -f --since 1h":                 "for what came",
		"events --limit -1":                    "want 0 or more",
		"pod list --field-selector status":     "--field-selector",
		"priorityclass create a":               "pass --value",
		"config set a":                         "KEY or VALUE is missing",
		"namespace quota a":                    "pass --max-pods",
		"namespace quota default --max-pods x": "want a whole number, or none",
		"events -f --type Bad":                 "want Normal or Warning",
		"get users -w":                         "cannot be watched",
		"get users -l a=b":                     "no labels",
		"get pod/web node/laptop":              "want pod/NAME",
		"describe pod":                         "NAME is missing",
		"delete user a@example.com":            "cannot delete",
		"pack visibility hello secret":         "want private or public",
		"pod run":                              "PACK is missing",
		"pod run a b":                          `unexpected argument "b"`,
		"pod run hello --env =x":               "want key=value",
		"pod run hello --env NOT_SET_HERE":     "it is not set here",
		"pod run hello --label a":              "want key=value",
		"pod run hello --label a=1,a=2":        "given twice",
		"pod run hello --toleration a:Maybe":   "want KEY[=VALUE]",
		"pod run hello --timeout 5s":           "--timeout goes with",
		"pod run hello --grace-period 2h":      "want 0 to 1h",
		"pod wait":                             "NAME is missing",
		"pod wait a --for ever":                "want running or ended",
		"pod wait a --timeout -1s":             "want 0 or more",
		"setup":                                "pass --token-stdin",
		"user role a@example.com":              "EMAIL or ROLE is missing",
		"user role a@example.com root":         "want one of admin",
		"node label n zone":                    "want KEY=VALUE, or KEY- to take it off",
		"node label n":                         "NAME or a label is missing",
		"node taint n gpu":                     "want KEY[=VALUE]:NoSchedule",
		"node taint n gpu:Never":               "want KEY[=VALUE]:NoSchedule",
		"up now":                               `unexpected argument "now"`,
		"serve now":                            `unexpected argument "now"`,
		"agent --label a":                      "want key=value",
		"agent --isolation vm":                 "want thread or process",
		"pod logs hello --tail -2":             "want 0 or more",
		"logout --scope all":                   "want local, global or others",
		"login --password-stdin --token-stdin": "exclude each other",
		"login --password-stdin":               "pass --email",
		"login --email me":                     "pass --password-stdin",
		"login --server ftp://x --email e":     "server URL",
		"namespace create":                     "NAME is missing",
		"namespace create x --max-pods many":   "invalid argument",
		"login --email a --password hunter2":   "unknown flag: --password",
	} {
		require.Equal(t, exitUsage, s.run(strings.Fields(line)...), line)
		require.Contains(t, s.err, want, line)
		require.Contains(t, s.err, "hint: see `stark", line)
		require.Empty(t, s.out, line)
	}
}

// walk visits every command of the tree.
func walk(cmd *cobra.Command, visit func(*cobra.Command)) {
	visit(cmd)
	for _, sub := range cmd.Commands() {
		walk(sub, visit)
	}
}

func TestEveryVerbHasExamples(t *testing.T) {
	t.Parallel()
	walk(newRoot(newCLI(nil, nil, nil, os.Getenv)), func(cmd *cobra.Command) {
		require.NotEmpty(t, cmd.Short, cmd.CommandPath())
		if cmd.HasSubCommands() || cmd.Name() == "help" {
			return
		}
		require.Contains(t, cmd.Example, "stark ", cmd.CommandPath())
	})
}

// TestFlagsNameTheirValues: pflag takes what stands in backquotes for the value's name.
func TestFlagsNameTheirValues(t *testing.T) {
	t.Parallel()
	walk(newRoot(newCLI(nil, nil, nil, os.Getenv)), func(cmd *cobra.Command) {
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			name, _ := pflag.UnquoteUsage(f)
			require.NotContains(t, name, " ", "%s --%s", cmd.CommandPath(), f.Name)
		})
	})
}

// TestNoSecretIsAnArgument: arguments can be read by everyone on the machine.
func TestNoSecretIsAnArgument(t *testing.T) {
	t.Parallel()
	walk(newRoot(newCLI(nil, nil, nil, os.Getenv)), func(cmd *cobra.Command) {
		for _, name := range []string{"password", "token", "secret", "key", "refresh-token", "access-token"} {
			flag := cmd.Flags().Lookup(name)
			require.Nil(t, flag, "%s --%s", cmd.CommandPath(), name)
		}
	})
}

func TestHelpIsForEveryone(t *testing.T) {
	t.Parallel()
	s := newFake(t).terminal()
	require.Contains(t, s.must(), "Exit codes:")
	require.Contains(t, s.must("pod"), "run")
	require.Contains(t, s.must("pod", "run", "--help"), "Examples:")
	require.Contains(t, s.must("completion", "bash"), "bash completion")
	require.NoFileExists(t, s.env["STARK_CONFIG"])
}

func TestWrongPassword(t *testing.T) {
	t.Parallel()
	s := newFake(t).terminal()
	s.in = "wrong\n"
	require.Equal(t, exitError, s.run("login", "--email", email, "--password-stdin"))
	require.Contains(t, s.err, "error: login failed: invalid login credentials\nhint: check the email and the password")
	require.NotContains(t, s.out+s.err, "wrong\n")
	require.NoFileExists(t, s.env["STARK_CONFIG"])
}
