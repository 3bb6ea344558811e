package main

import (
	"context"
	"encoding/json"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/stark-o/stark/backend/wire"
	"github.com/stark-o/stark/cmd/stark/internal/output"
)

func newConfig(c *cli) *cobra.Command {
	var o listOptions
	list := &cobra.Command{
		Use:   "list",
		Short: "List every setting of the cluster, set or not",
		Example: `  stark config list
  stark config list -o wide`,
		Args: between(0, 0, ""),
	}
	return group("config", "Look at the cluster's settings and change them",
		newList(c, list, &o, settingKind(), nil),
		newShow(c, settingKind(), "get KEY", "Show one setting", `  stark config get scheduler.strategy
  stark config get heartbeat.timeoutMs -o jsonpath='{.value}'`),
		newConfigSet(c),
		newConfigReset(c),
	)
}

func settingKind() kind[wire.Setting] {
	return kind[wire.Setting]{
		name: "setting", aliases: []string{"settings"},
		list: func(ctx context.Context, conn *connection, s selection) ([]wire.Setting, bool, error) {
			all, err := conn.Settings(ctx)
			if s.limit > 0 && len(all) > s.limit {
				return all[:s.limit], true, err
			}
			return all, false, err
		},
		find: finder("setting", "stark config list", func(ctx context.Context, conn *connection, ref string) (wire.Setting, error) {
			return conn.Setting(ctx, ref)
		}),
		columns: func(func() time.Time, bool) []output.Column[wire.Setting] {
			return []output.Column[wire.Setting]{
				{Title: "KEY", Cell: settingKey},
				{Title: "VALUE", Cell: func(s wire.Setting) string { return plain(s.Value) }},
				{Title: "SET", Cell: func(s wire.Setting) string { return strconv.FormatBool(s.Set) }},
				{Title: "DEFAULT", Wide: true, Cell: func(s wire.Setting) string { return plain(s.Default) }},
				{Title: "TYPE", Wide: true, Cell: func(s wire.Setting) string { return s.Type }},
				{Title: "DESCRIPTION", Wide: true, Cell: func(s wire.Setting) string { return s.Description }},
			}
		},
		fields: func(now time.Time, s wire.Setting) []output.Field {
			return []output.Field{
				{Label: "Key", Value: s.Key}, {Label: "Value", Value: plain(s.Value)}, {Label: "Default", Value: plain(s.Default)}, {Label: "Type", Value: s.Type},
				{Label: "Set", Value: moment(now, s.UpdatedAt)}, {Label: "Description", Value: s.Description},
			}
		},
		title: settingKey,
	}
}

func settingKey(s wire.Setting) string { return s.Key }

// plain is a JSON value as people write it: a text without its quotes.
func plain(value json.RawMessage) string {
	var text string
	if err := json.Unmarshal(value, &text); err == nil {
		return text
	}
	return string(value)
}

func newConfigSet(c *cli) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "set KEY VALUE",
		Short: "Change a setting; it counts at once. Admins may",
		Example: `  stark config set scheduler.strategy mostAllocated
  stark config set heartbeat.timeoutMs 60000`,
		Args: between(2, 2, "KEY or VALUE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			conn, err := c.connect()
			if err != nil {
				return err
			}
			setting, err := settingKind().find(cmd.Context(), conn, "", args[0])
			if err != nil {
				return err
			}
			value := json.RawMessage(args[1])
			if setting.Type == "text" {
				if value, err = json.Marshal(args[1]); err != nil {
					return err
				}
			} else if !json.Valid(value) {
				return usage(cmd, "%s: want a value of type %s, not %q", setting.Key, setting.Type, args[1])
			}
			if setting, err = conn.PutSetting(cmd.Context(), setting.Key, value); err != nil {
				return err
			}
			return c.say("setting/%s is %s", setting.Key, plain(setting.Value))
		},
	}
	completes(c, cmd, settingKind(), false)
	return cmd
}

func newConfigReset(c *cli) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "reset KEY …",
		Short:   "Make the default of settings hold again. Admins may",
		Example: `  stark config reset scheduler.strategy`,
		Args:    between(1, -1, "KEY"),
		RunE: func(cmd *cobra.Command, args []string) error {
			conn, err := c.connect()
			if err != nil {
				return err
			}
			return each(cmd.Context(), args, func(ref string) error {
				setting, err := settingKind().find(cmd.Context(), conn, "", trimKind(ref, "setting"))
				if err != nil {
					return err
				}
				if setting, err = conn.ResetSetting(cmd.Context(), setting.Key); err != nil {
					return err
				}
				return c.say("setting/%s is %s, by default", setting.Key, plain(setting.Value))
			})
		},
	}
	completes(c, cmd, settingKind(), true)
	return cmd
}
