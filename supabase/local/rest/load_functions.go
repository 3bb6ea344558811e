package rest

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// loadFunctions reads what can be called. A function without names for its arguments can be called only if it has a single one.
func loadFunctions(ctx context.Context, tx pgx.Tx, c *catalog) error {
	schemas := make([]string, 0, len(c.schemas))
	for name := range c.schemas {
		schemas = append(schemas, name)
	}
	var f function
	var names, types []string
	var required int
	var kind string
	var retTable uint32
	return each(ctx, tx, `
		select p.oid, n.nspname, p.proname, p.provariadic <> 0, p.provolatile = 'v', p.proretset, p.prorettype = 'void'::regtype,
		       t.typtype = 'c' or p.proargmodes && '{o,t,b}'::"char"[] is true,
		       t.typtype::text, coalesce(nullif(t.typrelid, 0), 0), p.prorows = 1, p.pronargs - p.pronargdefaults,
		       coalesce((select array_agg(coalesce(p.proargnames[i], '') order by i) from unnest(coalesce(p.proargmodes, array_fill('i'::"char", array[p.pronargs::int])))
		         with ordinality m (mode, i) where m.mode in ('i', 'b', 'v')), '{}'),
		       coalesce((select array_agg(case format_type(a.typ, null) when 'character' then 'bpchar' when 'bit' then 'bit varying' else format_type(a.typ, null) end
		         order by a.i) from unnest(p.proargtypes::oid[]) with ordinality a (typ, i)), '{}'),
		       coalesce((select nullif(at.typrelid, 0) from pg_type at where p.pronargs = 1 and at.oid = p.proargtypes[0]), 0)
		from pg_proc p
		join pg_namespace n on n.oid = p.pronamespace
		join pg_type t on t.oid = p.prorettype
		where n.nspname = any ($1) and p.prokind = 'f' and t.typname not in ('trigger', 'event_trigger')
		order by n.nspname, p.proname, p.pronargs, p.oid`,
		[]any{schemas}, []any{&f.oid, &f.schema, &f.name, &f.variadic, &f.volatile, &f.set, &f.void, &f.rows, &kind, &retTable, &f.rowsOne, &required, &names, &types, &f.argTable},
		func() error {
			made := f
			for i, typ := range types {
				made.params = append(made.params, param{
					name: names[i], typ: typ, required: i < required, variadic: f.variadic && i == len(types)-1,
				})
			}
			if kind == "c" {
				made.table = c.allTables[retTable]
			}
			names, types = nil, nil
			c.addFunction(&made)
			return nil
		})
}

// addFunction puts f where calls find it, and where embeddings do: a function from one row to rows of another table is a relationship.
func (c *catalog) addFunction(f *function) {
	s := c.schemas[f.schema]
	s.functions[f.name] = append(s.functions[f.name], f)
	from := c.allTables[f.argTable]
	if from == nil || f.table == nil || len(f.params) != 1 {
		return
	}
	r := &relationship{from: from, to: f.table, kind: oneToMany, function: f, single: !f.set || f.rowsOne}
	c.relations[from] = append(c.relations[from], r)
}
