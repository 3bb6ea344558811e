package rest

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// extraSchemas are on every request's search path behind its own schema, and types in them can be cast to.
var extraSchemas = []string{"public", "extensions"}

// load reads the catalog in one snapshot. With an empty search path every name that pg_catalog gives is a full one.
func load(ctx context.Context, pool beginner, exposed []string) (*catalog, error) {
	c := &catalog{
		schemas: map[string]*schema{}, types: map[string]string{}, settings: map[string][]setting{}, allTables: map[uint32]*table{},
		relations: map[*table][]*relationship{},
	}
	for _, name := range exposed {
		c.schemas[name] = &schema{name: name, tables: map[string]*table{}, functions: map[string][]*function{}}
	}
	err := pgx.BeginTxFunc(ctx, pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `select set_config('search_path', '', true), set_config('statement_timeout', '60s', true)`); err != nil {
			return err
		}
		for _, step := range []func(context.Context, pgx.Tx, *catalog) error{
			loadTables, loadColumns, loadKeys, loadForeignKeys, loadFunctions, loadTypes, loadSettings,
		} {
			if err := step(ctx, tx, c); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the schema: %w", err)
	}
	return c, nil
}

// beginner is what load needs of a pool.
type beginner interface {
	BeginTx(ctx context.Context, options pgx.TxOptions) (pgx.Tx, error)
}

// each runs a query and calls fn a row.
func each(ctx context.Context, tx pgx.Tx, sql string, args []any, scan []any, fn func() error) error {
	rows, err := tx.Query(ctx, sql, args...)
	if err != nil {
		return err
	}
	_, err = pgx.ForEachRow(rows, scan, fn)
	return err
}

func loadTables(ctx context.Context, tx pgx.Tx, c *catalog) error {
	var t table
	return each(ctx, tx, `
		select c.oid, n.nspname, c.relname, c.relkind in ('v', 'm'),
		       c.relkind in ('r', 'p') or (c.relkind in ('v', 'f') and pg_relation_is_updatable(c.oid, true) & 8 = 8),
		       c.relkind in ('r', 'p') or (c.relkind in ('v', 'f') and pg_relation_is_updatable(c.oid, true) & 4 = 4),
		       c.relkind in ('r', 'p') or (c.relkind in ('v', 'f') and pg_relation_is_updatable(c.oid, true) & 16 = 16)
		from pg_class c join pg_namespace n on n.oid = c.relnamespace
		where c.relkind in ('r', 'v', 'm', 'f', 'p') and not c.relispartition and n.nspname not in ('pg_catalog', 'information_schema')
		  and n.nspname not like 'pg\_toast%' and n.nspname not like 'pg\_temp%'`,
		nil, []any{&t.oid, &t.schema, &t.name, &t.view, &t.insertable, &t.updatable, &t.deletable}, func() error {
			made := t
			made.byName = map[string]*column{}
			c.allTables[made.oid] = &made
			if s := c.schemas[made.schema]; s != nil {
				s.tables[made.name] = &made
			}
			return nil
		})
}

// loadColumns reads columns as json_to_recordset wants them declared, and their defaults, for missing=default.
func loadColumns(ctx context.Context, tx pgx.Tx, c *catalog) error {
	var oid uint32
	var col column
	return each(ctx, tx, `
		select a.attrelid, a.attnum, a.attname, format_type(a.atttypid, a.atttypmod),
		       format_type(case when t.typtype = 'd' then t.typbasetype else a.atttypid end, null),
		       coalesce(case
		         when a.attidentity <> '' then format('nextval(%L)', seq.objid::regclass)
		         when a.attgenerated <> '' then null
		         when d.adbin is null and t.typtype = 'd' then t.typdefault
		         else pg_get_expr(d.adbin, d.adrelid) end, '')
		from pg_attribute a
		join pg_type t on t.oid = a.atttypid
		left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
		left join pg_depend seq on seq.refobjid = a.attrelid and seq.refobjsubid = a.attnum and seq.deptype = 'i'
		  and seq.classid = 'pg_class'::regclass and seq.refclassid = 'pg_class'::regclass
		where a.attnum > 0 and not a.attisdropped
		order by a.attrelid, a.attnum`,
		nil, []any{&oid, &col.number, &col.name, &col.typ, &col.base, &col.byDefault}, func() error {
			if t := c.allTables[oid]; t != nil {
				made := col
				t.columns = append(t.columns, &made)
				t.byName[made.name] = &made
			}
			return nil
		})
}

func loadKeys(ctx context.Context, tx pgx.Tx, c *catalog) error {
	var oid uint32
	var primary bool
	var names []string
	return each(ctx, tx, `
		select k.conrelid, k.contype = 'p', array_agg(a.attname::text order by u.at)
		from pg_constraint k
		cross join lateral unnest(k.conkey) with ordinality u (number, at)
		join pg_attribute a on a.attrelid = k.conrelid and a.attnum = u.number
		where k.contype in ('p', 'u')
		group by k.oid, k.conrelid, k.contype
		order by k.conrelid, k.contype, k.oid`,
		nil, []any{&oid, &primary, &names}, func() error {
			t := c.allTables[oid]
			if t == nil {
				return nil
			}
			if primary {
				t.primary = names
			}
			t.uniques = append(t.uniques, names)
			names = nil
			return nil
		})
}

func loadForeignKeys(ctx context.Context, tx pgx.Tx, c *catalog) error {
	var name string
	var from, to uint32
	var here, there []string
	var keys []*relationship
	err := each(ctx, tx, `
		select k.conname, k.conrelid, k.confrelid, array_agg(a.attname::text order by u.at), array_agg(f.attname::text order by u.at)
		from pg_constraint k
		cross join lateral unnest(k.conkey, k.confkey) with ordinality u (number, foreign_number, at)
		join pg_attribute a on a.attrelid = k.conrelid and a.attnum = u.number
		join pg_attribute f on f.attrelid = k.confrelid and f.attnum = u.foreign_number
		where k.contype = 'f' and k.conparentid = 0
		group by k.oid, k.conname, k.conrelid, k.confrelid
		order by k.conrelid, k.conname`,
		nil, []any{&name, &from, &to, &here, &there}, func() error {
			if c.allTables[from] == nil || c.allTables[to] == nil {
				return nil
			}
			r := &relationship{from: c.allTables[from], to: c.allTables[to], kind: manyToOne, constraint: name}
			for i := range here {
				r.pairs = append(r.pairs, pair{here[i], there[i]})
			}
			if r.from.unique(here) {
				r.kind = oneToOne
			}
			keys = append(keys, r)
			here, there = nil, nil
			return nil
		})
	if err != nil {
		return err
	}
	views, err := loadViewColumns(ctx, tx)
	if err != nil {
		return err
	}
	c.relate(append(keys, throughViews(c, keys, views)...))
	return nil
}

// loadTypes reads what can be cast to.
func loadTypes(ctx context.Context, tx pgx.Tx, c *catalog) error {
	schemas := append([]string{}, extraSchemas...)
	for name := range c.schemas {
		schemas = append(schemas, name)
	}
	var space, name string
	return each(ctx, tx, `
		select n.nspname, t.typname from pg_type t join pg_namespace n on n.oid = t.typnamespace
		where n.nspname = any ($1) or n.nspname = 'pg_catalog'
		order by n.nspname = 'pg_catalog'`,
		[]any{schemas}, []any{&space, &name}, func() error {
			c.types[name] = quote(space) + "." + quote(name)
			return nil
		})
}

// loadSettings reads what roles have of their own (alter role … set): a role that is taken on by SET ROLE does not bring it along.
func loadSettings(ctx context.Context, tx pgx.Tx, c *catalog) error {
	var role, name, value string
	return each(ctx, tx, `
		select r.rolname, split_part(s.setting, '=', 1), substr(s.setting, strpos(s.setting, '=') + 1)
		from pg_auth_members m
		join pg_roles r on r.oid = m.roleid
		cross join lateral unnest(r.rolconfig) s (setting)
		join pg_settings p on p.name = split_part(s.setting, '=', 1) and p.context = 'user'
		where m.member = current_user::regrole::oid`,
		nil, []any{&role, &name, &value}, func() error {
			c.settings[role] = append(c.settings[role], setting{name, value})
			return nil
		})
}
