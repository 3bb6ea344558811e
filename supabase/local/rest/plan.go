package rest

import (
	"fmt"
	"slices"
)

// node is a resource of a read: the root, or one that is embedded in another.
type node struct {
	table *table // nil for rows of a function that are no table's
	from  string // what stands in FROM, in SQL
	alias string // by which columns are qualified, in SQL
	rel   *relationship
	name  string // as the request calls it: its alias or its name
	agg   string // the alias of its subquery, in SQL
	item  selectItem
	items []selectItem // fields only
	kids  []*node
	where []logic
	order []orderTerm
	window
	parent *node
}

// planner builds the tree of a read.
type planner struct {
	c      *catalog
	schema string
	count  int // of aliases
}

// planRead resolves select, filters, order and windows. Where source is given, the root's rows are what it yields (a mutation, a function),
// and its filters, order and window are taken over only as far as they apply to what comes out.
func (c *catalog) planRead(q *request, t *table, name, source string, maxRows int64) (*node, *Error) {
	p := &planner{c: c, schema: q.schema}
	root := &node{table: t, name: name, window: q.window}
	if source == "" {
		root.from, root.alias = t.ident(), t.ident()
	} else {
		root.alias = quote(name)
		root.from = source + " AS " + root.alias
	}
	if err := p.addItems(root, q.params.items, 1); err != nil {
		return nil, err
	}
	mutation := source != "" && !q.call
	if err := root.place(q.params, mutation); err != nil {
		return nil, err
	}
	if mutation {
		root.window = everything
	} else {
		root.cap(maxRows)
	}
	return root, root.settle()
}

// cap keeps every resource to the most rows that an answer may have.
func (n *node) cap(maxRows int64) {
	if n.limit < 0 || n.limit > maxRows {
		n.limit = maxRows
	}
	for _, kid := range n.kids {
		kid.cap(maxRows)
	}
}

func (p *planner) addItems(n *node, items []selectItem, depth int) *Error {
	for _, item := range items {
		if item.aggregate {
			return errAggregates
		}
		if !item.relation {
			if item.cast != "" && p.c.castType(item.cast) == "" {
				return fail(400, "42704", `type "`+item.cast+`" does not exist`)
			}
			n.items = append(n.items, item)
			continue
		}
		kid, err := p.embed(n, item, depth)
		if err != nil {
			return err
		}
		n.kids = append(n.kids, kid)
	}
	return nil
}

func (p *planner) embed(n *node, item selectItem, depth int) (*node, *Error) {
	origin := n.name
	if n.table != nil {
		origin = n.table.name
	}
	rel, err := p.c.findRelationship(p.schema, n.table, origin, item.name, item.hint)
	if err != nil {
		return nil, err
	}
	p.count++
	kid := &node{
		table: rel.to, rel: rel, name: item.alias, item: item, parent: n, window: everything,
		alias: quote(fmt.Sprintf("%.50s_%d", rel.to.name, depth)), agg: quote(fmt.Sprintf("pgrst_agg_%d", p.count)),
	}
	if kid.name == "" {
		kid.name = item.name
	}
	kid.from = rel.to.ident() + " AS " + kid.alias
	if rel.function != nil {
		kid.from = rel.function.ident() + "(" + n.rowOf() + ") AS " + kid.alias
	}
	return kid, p.addItems(kid, item.items, depth+1)
}

// rowOf is a node's row as a value of its table's type.
func (n *node) rowOf() string {
	if n.parent == nil && n.from == n.alias {
		return quote(n.table.name) + "::" + n.table.ident()
	}
	return n.alias + "::" + n.table.ident()
}

// find is the embedded resource at a path.
func (n *node) find(path []string) (*node, *Error) {
	for _, name := range path {
		i := slices.IndexFunc(n.kids, func(kid *node) bool { return kid.name == name || kid.item.name == name })
		if i < 0 {
			return nil, errNotEmbedded(name)
		}
		n = n.kids[i]
	}
	return n, nil
}

// place puts filters, order and windows where they belong. Those of the root of a mutation are the mutation's own.
func (n *node) place(p *params, mutation bool) *Error {
	for _, f := range p.filters {
		at, err := n.find(f.path)
		if err != nil {
			return err
		}
		if !mutation || len(f.path) > 0 {
			at.where = append(at.where, logic{filter: &f.what})
		}
	}
	for _, tree := range p.logic {
		at, err := n.find(tree.path)
		if err != nil {
			return err
		}
		if !mutation || len(tree.path) > 0 {
			at.where = append(at.where, tree.what)
		}
	}
	for _, order := range p.orders {
		at, err := n.find(order.path)
		if err != nil {
			return err
		}
		if !mutation {
			at.order = order.what
		}
	}
	for _, w := range p.windows {
		if len(w.path) == 0 {
			continue // the root's is the request's
		}
		at, err := n.find(w.path)
		if err != nil {
			return err
		}
		if !mutation {
			at.window = w.what
		}
	}
	return nil
}

// settle resolves what refers to embedded resources: orders by their columns, and filters on whether they are there.
func (n *node) settle() *Error {
	for i, term := range n.order {
		if term.relation == "" {
			continue
		}
		rel, err := n.find([]string{term.relation})
		if err != nil {
			return err
		}
		if !rel.rel.toOne() {
			return errRelatedOrder(n.name, rel.name)
		}
		n.order[i].rel = rel
	}
	for i := range n.where {
		if err := n.settleLogic(&n.where[i]); err != nil {
			return err
		}
	}
	for _, kid := range n.kids {
		if err := kid.settle(); err != nil {
			return err
		}
	}
	return nil
}

func (n *node) settleLogic(tree *logic) *Error {
	for i := range tree.kids {
		if err := n.settleLogic(&tree.kids[i]); err != nil {
			return err
		}
	}
	f := tree.filter
	if f == nil || len(f.path) > 0 {
		return nil
	}
	for _, kid := range n.kids {
		if kid.name != f.name {
			continue
		}
		if f.op == "is" && (f.val == "null" || f.val == "not_null") {
			tree.embed, tree.not = kid, f.not != (f.val == "not_null")
			return nil
		}
		if n.table.column(f.name) == nil {
			return errEmbedFilter(f.name)
		}
	}
	return nil
}

// silent tells whether a resource shows nothing: it is embedded for filters only, as in "clients()".
func (n *node) silent() bool {
	return len(n.items) == 0 && !slices.ContainsFunc(n.kids, func(kid *node) bool { return !kid.silent() })
}

// needs are the columns that select, and the joins of what is embedded, take from the root; "*" for all.
func (n *node) needs() (columns []string) {
	add := func(name string) {
		if !slices.Contains(columns, name) {
			columns = append(columns, name)
		}
	}
	for _, item := range n.items {
		if item.name == "*" {
			return []string{"*"}
		}
		add(item.name)
	}
	for _, kid := range n.kids {
		if kid.rel.function != nil {
			return []string{"*"}
		}
		pairs := kid.rel.pairs
		if kid.rel.junction != nil {
			pairs = kid.rel.junction.fromPairs
		}
		for _, p := range pairs {
			add(p.here)
		}
	}
	return columns
}
