package rest

import (
	"slices"
	"strings"
)

// catalog is what the exposed schemas hold, as of one moment. It is immutable.
type catalog struct {
	version   uint64
	schemas   map[string]*schema
	types     map[string]string          // a type's name → how SQL names it
	settings  map[string][]setting       // a role's own settings
	relations map[*table][]*relationship // by the table they start at
	allTables map[uint32]*table          // by oid
}

// setting is a run-time parameter.
type setting struct{ name, value string }

type schema struct {
	name      string
	tables    map[string]*table
	functions map[string][]*function
}

// table is a table, view, materialized view or foreign table.
type table struct {
	oid        uint32
	schema     string
	name       string
	view       bool
	insertable bool
	updatable  bool
	deletable  bool
	columns    []*column
	byName     map[string]*column
	primary    []string
	uniques    [][]string // primary key and unique constraints
}

type column struct {
	number    int
	name      string
	typ       string // as SQL names it, with its modifier
	base      string // without the modifier
	byDefault string // an SQL expression, "" without one
}

func (t *table) column(name string) *column {
	if t == nil {
		return nil
	}
	return t.byName[name]
}

// ident is the table's name in SQL.
func (t *table) ident() string { return quote(t.schema) + "." + quote(t.name) }

// unique tells whether columns are a key.
func (t *table) unique(columns []string) bool {
	for _, key := range t.uniques {
		if sameSet(key, columns) {
			return true
		}
	}
	return false
}

type cardinality string

const (
	manyToOne  cardinality = "many-to-one"
	oneToMany  cardinality = "one-to-many"
	oneToOne   cardinality = "one-to-one"
	manyToMany cardinality = "many-to-many"
)

// pair is a column here and the one there that it equals.
type pair struct{ here, there string }

// relationship is how rows of one table lead to rows of another.
type relationship struct {
	from, to   *table
	kind       cardinality
	constraint string
	pairs      []pair
	junction   *junction // of many-to-many
	function   *function // of a computed relationship
	single     bool      // a computed relationship leads to one row at most
}

// junction is the table in the middle of many-to-many.
type junction struct {
	table              *table
	fromName, toName   string // constraints
	fromPairs, toPairs []pair // here: the end's column; there: the junction's
}

func (r *relationship) toOne() bool {
	return r.kind == manyToOne || r.kind == oneToOne || r.single
}

func (r *relationship) self() bool { return r.from == r.to && r.function == nil }

// function is a function that can be called as an RPC.
type function struct {
	oid      uint32
	schema   string
	name     string
	params   []param
	variadic bool
	volatile bool
	set      bool // returns a set
	void     bool
	rows     bool   // returns rows with columns, not scalars
	table    *table // whose row type it returns, if it is one that is exposed
	rowsOne  bool   // was declared ROWS 1
	argTable uint32 // oid of the row type of its only argument
}

type param struct {
	name     string
	typ      string
	required bool
	variadic bool
}

func (f *function) ident() string { return quote(f.schema) + "." + quote(f.name) }

func (f *function) scalar() bool { return !f.rows && !f.void }

func (c *catalog) table(schemaName, name string) *table {
	if s := c.schemas[schemaName]; s != nil {
		return s.tables[name]
	}
	return nil
}

// castType is a type by the name that a request may call it, in SQL; "" for one that there is not.
func (c *catalog) castType(name string) string {
	name = strings.Join(strings.Fields(name), " ")
	if canonical, found := keywordTypes[strings.ToLower(name)]; found {
		return canonical
	}
	if t, found := c.types[name]; found {
		return t
	}
	return c.types[strings.ToLower(name)]
}

// keywordTypes are the types that SQL's grammar names by keywords, which no catalog lists under that name.
var keywordTypes = map[string]string{
	"int": "integer", "integer": "integer", "bigint": "bigint", "smallint": "smallint", "real": "real", "float": "double precision",
	"double precision": "double precision", "decimal": "numeric", "dec": "numeric", "boolean": "boolean", "character varying": "character varying",
	"character": "character", "char": "character", "timestamp": "timestamp", "timestamp without time zone": "timestamp without time zone",
	"timestamp with time zone": "timestamp with time zone", "time": "time", "time without time zone": "time without time zone",
	"time with time zone": "time with time zone", "bit varying": "bit varying",
}

// quote makes an identifier of any text. A NUL ends it, since no identifier has one.
func quote(name string) string {
	name, _, _ = strings.Cut(name, "\x00")
	return `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
}

func sameSet(a, b []string) bool {
	if len(a) != len(b) {
		return false
	}
	for _, x := range a {
		if !slices.Contains(b, x) {
			return false
		}
	}
	return true
}

func subset(small, big []string) bool {
	for _, x := range small {
		if !slices.Contains(big, x) {
			return false
		}
	}
	return true
}
