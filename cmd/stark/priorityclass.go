package main

import (
	"context"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/stark-o/stark/backend/wire"
	"github.com/stark-o/stark/cmd/stark/internal/output"
)

func newPriorityClass(c *cli) *cobra.Command {
	var o listOptions
	list := &cobra.Command{
		Use:   "list",
		Short: "List priority classes, the most important first",
		Example: `  stark priorityclass list
  stark pc ls -o yaml`,
		Args: between(0, 0, ""),
	}
	cmd := group("priorityclass", "List, create and delete priority classes",
		newList(c, list, &o, priorityClassKind(), nil),
		newShow(c, priorityClassKind(), "get NAME", "Show one priority class", `  stark priorityclass get high-priority`),
		newPriorityClassCreate(c),
		newDeleteOf(c, priorityClassKind(), "Delete priority classes that no pod has", `  stark priorityclass delete batch`),
	)
	cmd.Aliases = []string{"priorityclasses", "pc"}
	return cmd
}

func priorityClassKind() kind[wire.PriorityClass] {
	return kind[wire.PriorityClass]{
		name: "priorityclass", aliases: []string{"priorityclasses", "pc"},
		list: func(ctx context.Context, conn *connection, s selection) ([]wire.PriorityClass, bool, error) {
			all, err := conn.PriorityClasses(ctx)
			if s.limit > 0 && len(all) > s.limit {
				return all[:s.limit], true, err
			}
			return all, false, err
		},
		find: finder("priority class", "stark priorityclass list", func(ctx context.Context, conn *connection, ref string) (wire.PriorityClass, error) {
			return conn.PriorityClass(ctx, ref)
		}),
		remove: func(ctx context.Context, conn *connection, p wire.PriorityClass) (string, error) {
			return "deleted", conn.DeletePriorityClass(ctx, p.Name)
		},
		columns: func(now func() time.Time, _ bool) []output.Column[wire.PriorityClass] {
			return priorityClassColumns(now)
		},
		fields: priorityClassFields, title: func(p wire.PriorityClass) string { return p.Name },
	}
}

func priorityClassFields(now time.Time, p wire.PriorityClass) []output.Field {
	return []output.Field{
		{Label: "Name", Value: p.Name},
		{Label: "Value", Value: strconv.Itoa(int(p.Value))},
		{Label: "Preemption", Value: p.PreemptionPolicy},
		{Label: "Default", Value: strconv.FormatBool(p.GlobalDefault)},
		{Label: "Description", Value: p.Description},
		{Label: "Created", Value: moment(now, &p.CreatedAt)},
	}
}

func priorityClassColumns(now func() time.Time) []output.Column[wire.PriorityClass] {
	return []output.Column[wire.PriorityClass]{
		{Title: "NAME", Cell: func(p wire.PriorityClass) string { return p.Name }},
		{Title: "VALUE", Cell: func(p wire.PriorityClass) string { return strconv.Itoa(int(p.Value)) }},
		{Title: "PREEMPTION", Cell: func(p wire.PriorityClass) string { return p.PreemptionPolicy }},
		{Title: "DEFAULT", Cell: func(p wire.PriorityClass) string { return strconv.FormatBool(p.GlobalDefault) }},
		{Title: "AGE", Cell: func(p wire.PriorityClass) string { return output.Age(now(), p.CreatedAt) }},
		{Title: "DESCRIPTION", Wide: true, Cell: func(p wire.PriorityClass) string { return p.Description }},
	}
}

func newPriorityClassCreate(c *cli) *cobra.Command {
	var in wire.PriorityClassCreate
	var value int32
	var never bool
	cmd := &cobra.Command{
		Use:   "create NAME --value N",
		Short: "Create a priority class; admins may",
		Long: `Create a priority class; admins may. Pods of a higher value are scheduled first, and may push others off a node unless --never-preempt is given.
Pods copy what a class says when they are created: value and preemption never change. 1000000000 is the highest value.`,
		Example: `  stark priorityclass create urgent --value 5000 --description "Before everything else"
  stark pc create batch --value -10 --never-preempt`,
		Args: between(1, 1, "NAME"),
	}
	fs := cmd.Flags()
	fs.Int32Var(&value, "value", 0, "how important its pods are; needed")
	fs.BoolVar(&never, "never-preempt", false, "its pods come first in the queue, but push nobody off a node")
	fs.BoolVar(&in.GlobalDefault, "default", false, "it is the class of pods that name none; one class at most")
	fs.StringVar(&in.Description, "description", "", "what it is for")
	format := outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		f, err := format()
		if err != nil {
			return err
		}
		if !cmd.Flags().Changed("value") {
			return usage(cmd, "pass --value")
		}
		in.Name, in.Value = args[0], &value
		if never {
			in.PreemptionPolicy = "Never"
		}
		conn, err := c.connect()
		if err != nil {
			return err
		}
		class, err := conn.CreatePriorityClass(cmd.Context(), in)
		if err != nil {
			return err
		}
		if f.People() {
			return c.say("priorityclass/%s created", class.Name)
		}
		return output.One(c.printer(f), class, nil, "priorityclass", func(p wire.PriorityClass) string { return p.Name })
	}
	return cmd
}
