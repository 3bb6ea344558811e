package rest

import (
	"context"
	"regexp"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
)

// source is the column of a table that a column of a view shows.
type source struct {
	table  uint32
	number int
}

// viewColumns says for each view which of its columns show which column of which table.
type viewColumns map[uint32]viewEntry

var targetEntry = regexp.MustCompile(`:resno (\d+) .*:resorigtbl (\d+) :resorigcol (\d+) :resjunk false`)

// loadViewColumns reads where views have their columns from. The parser has noted it in the stored query; nothing else in the catalogs does.
func loadViewColumns(ctx context.Context, tx pgx.Tx) (viewColumns, error) {
	views := viewColumns{}
	var oid uint32
	var action string
	err := each(ctx, tx, `
		select r.ev_class, r.ev_action::text from pg_rewrite r join pg_class c on c.oid = r.ev_class join pg_namespace n on n.oid = c.relnamespace
		where r.rulename = '_RETURN' and c.relkind in ('v', 'm') and n.nspname not in ('pg_catalog', 'information_schema')`,
		nil, []any{&oid, &action}, func() error {
			views[oid] = viewEntry{}
			for _, entry := range targetEntries(action) {
				if m := targetEntry.FindStringSubmatch(entry); m != nil {
					number, _ := strconv.Atoi(m[1]) // digits, by the expression
					from, _ := strconv.ParseUint(m[2], 10, 32)
					column, _ := strconv.Atoi(m[3])
					if from != 0 && column > 0 {
						views[oid][number] = source{uint32(from), column}
					}
				}
			}
			return nil
		})
	if err != nil {
		return nil, err
	}
	for view := range views {
		views.resolve(view, 0)
	}
	return views, nil
}

// targetEntries are the entries of the outermost query's target list, without what is nested in them.
func targetEntries(action string) (entries []string) {
	const outermost = 2 // ({QUERY … :targetList ({TARGETENTRY …
	depth := 0
	var entry strings.Builder
	for i := 0; i < len(action); i++ {
		switch action[i] {
		case '\\':
			i++ // the character after it is text
		case '{':
			if depth++; depth == outermost {
				entry.Reset()
			}
		case '}':
			if depth == outermost && strings.HasPrefix(entry.String(), "TARGETENTRY") {
				entries = append(entries, entry.String())
			}
			depth--
		default:
			if depth == outermost {
				entry.WriteByte(action[i])
			}
		}
	}
	return entries
}

// resolve follows views of views down to tables.
func (v viewColumns) resolve(view uint32, depth int) {
	const enough = 32
	for number, from := range v[view] {
		below, isView := v[from.table]
		if !isView || depth > enough {
			continue
		}
		v.resolve(from.table, depth+1)
		if origin, found := below[from.number]; found {
			v[view][number] = origin
		} else {
			delete(v[view], number)
		}
	}
}

// throughViews are the foreign keys that views show: where all of a key's columns on one side are in a view, the view has the relationship.
// It also gives views the primary keys of their tables.
func throughViews(c *catalog, keys []*relationship, views viewColumns) (found []*relationship) {
	shown := map[*table][]*shownTable{}
	for oid, columns := range views {
		view := c.allTables[oid]
		if view == nil {
			continue
		}
		for base, names := range columns.byTable(c, view) {
			s := &shownTable{view, names}
			shown[base] = append(shown[base], s)
			if primary, ok := s.rename(base.primary); ok && view.primary == nil && len(primary) > 0 {
				view.primary = primary
			}
		}
	}
	for _, key := range keys {
		ends := append([]*shownTable{{table: key.from}}, shown[key.from]...)
		others := append([]*shownTable{{table: key.to}}, shown[key.to]...)
		for _, from := range ends {
			for _, to := range others {
				if r := key.through(from, to); r != nil && (from.names != nil || to.names != nil) {
					found = append(found, r)
				}
			}
		}
	}
	return found
}

// shownTable is a view of a table; names are the table's columns as the view calls them, nil for the table itself.
type shownTable struct {
	table *table
	names map[string]string
}

func (columns viewEntry) byTable(c *catalog, view *table) map[*table]map[string]string {
	out := map[*table]map[string]string{}
	for _, col := range view.columns {
		from, ok := columns[col.number]
		base := c.allTables[from.table]
		if !ok || base == nil {
			continue
		}
		for _, baseColumn := range base.columns {
			if baseColumn.number == from.number {
				if out[base] == nil {
					out[base] = map[string]string{}
				}
				out[base][baseColumn.name] = col.name
			}
		}
	}
	return out
}

type viewEntry map[int]source

func (s *shownTable) rename(names []string) ([]string, bool) {
	if s.names == nil {
		return names, true
	}
	out := make([]string, len(names))
	for i, name := range names {
		var ok bool
		if out[i], ok = s.names[name]; !ok {
			return nil, false
		}
	}
	return out, true
}

// through is the same relationship between what shows its tables, nil where a column of it is not shown.
func (r *relationship) through(from, to *shownTable) *relationship {
	out := &relationship{from: from.table, to: to.table, kind: r.kind, constraint: r.constraint}
	for _, p := range r.pairs {
		here, ok := from.rename([]string{p.here})
		there, okay := to.rename([]string{p.there})
		if !ok || !okay {
			return nil
		}
		out.pairs = append(out.pairs, pair{here[0], there[0]})
	}
	return out
}
