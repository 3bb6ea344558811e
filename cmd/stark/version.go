package main

import (
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/stark-o/stark/cmd/stark/internal/output"
)

// version is set by the release build: -ldflags "-X main.version=1.2.3". Else the module's own version counts.
var version string

func buildVersion() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "dev"
}

// versions is what `stark version` prints.
type versions struct {
	Client   string `json:"client"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
	Server   string `json:"server,omitempty"`
}

func newVersion(c *cli) *cobra.Command {
	var clientOnly bool
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the versions of this program and of the server you are logged in to",
		Example: `  stark version
  stark version --client -o json`,
		Args: between(0, 0, ""),
	}
	cmd.Flags().BoolVar(&clientOnly, "client", false, "do not ask the server")
	format := outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		f, err := format()
		if err != nil {
			return err
		}
		v := versions{Client: buildVersion(), Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
		if !clientOnly {
			v.Server = c.serverVersion(cmd)
		}
		return output.One(c.printer(f), v, func(v versions) []output.Field {
			return []output.Field{{Label: "Client", Value: v.Client}, {Label: "Go", Value: v.Go}, {Label: "Platform", Value: v.Platform}, {Label: "Server", Value: v.Server}}
		}, "version", func(v versions) string { return v.Client })
	}
	return cmd
}

// serverVersion is "" when there is no server to ask; why is told, for the client's own version is an answer all the same.
func (c *cli) serverVersion(cmd *cobra.Command) string {
	conn, err := c.connect()
	if err != nil {
		c.note("no server: %v", err)
		return ""
	}
	info, err := conn.Info(cmd.Context())
	if err != nil {
		c.note("no server: %v", err)
		return ""
	}
	return info.Version
}
