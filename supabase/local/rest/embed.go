package rest

import (
	"net/http"
	"strings"
)

// findRelationship is the one that leads from a table to what the request names: a table, a foreign key or a column with one. A hint narrows.
// Source: PostgREST src/PostgREST/Plan.hs, findRel.
func (c *catalog) findRelationship(schema string, from *table, origin, target, hint string) (*relationship, *Error) {
	var found []*relationship
	var computed []*relationship
	if from != nil {
		for _, r := range c.relations[from] {
			switch {
			case r.function != nil && r.function.name == target && r.function.schema == schema:
				computed = append(computed, r)
			case r.function == nil && r.to.schema == schema && r.matches(target, hint):
				found = append(found, r)
			}
		}
	}
	if len(computed) > 0 {
		return computed[0], nil // it was made to be found
	}
	switch len(found) {
	case 0:
		return nil, c.noRelationship(schema, from, origin, target, hint)
	case 1:
		return found[0], nil
	}
	return nil, ambiguous(origin, target, found)
}

func (r *relationship) matches(target, hint string) bool {
	switch {
	case r.self() && hint == "":
		// One foreign key is two relationships: children by the table's name, the parent by the column's.
		return (target == r.to.name && r.kind == oneToMany) || (r.kind == manyToOne && r.hereIs(target))
	case r.self():
		return target == r.to.name && r.kind == oneToMany && (r.thereIs(hint) || r.constraint == hint)
	case hint == "":
		return target == r.to.name || (!r.to.view && (r.named(target) || r.hereIs(target)))
	}
	return target == r.to.name && (r.named(hint) || r.hereIs(hint) || r.thereIs(hint) || (r.junction != nil && r.junction.table.name == hint))
}

func (r *relationship) named(constraint string) bool {
	return r.junction == nil && r.constraint == constraint
}

func (r *relationship) hereIs(column string) bool {
	return len(r.pairs) == 1 && r.pairs[0].here == column
}

func (r *relationship) thereIs(column string) bool {
	return len(r.pairs) == 1 && r.pairs[0].there == column
}

func (c *catalog) noRelationship(schema string, from *table, origin, target, hint string) *Error {
	e := fail(http.StatusBadRequest, "PGRST200", "Could not find a relationship between '"+origin+"' and '"+target+"' in the schema cache")
	using := ""
	if hint != "" {
		using = "' using the hint '" + hint
	}
	e.Details = "Searched for a foreign key relationship between '" + origin + "' and '" + target + using +
		"' in the schema '" + schema + "', but no matches were found."
	var names []string
	for _, r := range c.relations[from] {
		names = append(names, r.to.name)
	}
	if like := similar(target, names); like != "" && like != target {
		e.Hint = "Perhaps you meant '" + like + "' instead of '" + target + "'."
	}
	return e
}

func ambiguous(origin, target string, found []*relationship) *Error {
	e := fail(http.StatusMultipleChoices, "PGRST201",
		"Could not embed because more than one relationship was found for '"+origin+"' and '"+target+"'")
	var details []map[string]string
	var hints []string
	for _, r := range found {
		name := r.constraint
		using := name + " using " + r.from.name + "(" + strings.Join(r.columns(), ", ") + ") and " + r.to.name + "(" + there(r.pairs) + ")"
		if j := r.junction; j != nil {
			name = j.table.name
			using = name + " using " + j.fromName + "(" + there(j.fromPairs) + ") and " + j.toName + "(" + there(j.toPairs) + ")"
		}
		details = append(details, map[string]string{
			"cardinality": string(r.kind), "embedding": r.from.name + " with " + r.to.name, "relationship": using,
		})
		hints = append(hints, "'"+r.to.name+"!"+name+"'")
	}
	e.Details = details
	e.Hint = "Try changing '" + target + "' to one of the following: " + strings.Join(hints, ", ") + ". Find the desired relationship in the 'details' key."
	return e
}

func there(pairs []pair) string {
	names := make([]string, len(pairs))
	for i, p := range pairs {
		names[i] = p.there
	}
	return strings.Join(names, ", ")
}

// similar is the name most like the one that was not found, "" where none is like it.
func similar(name string, names []string) (best string) {
	score := 0.75 // what PostgREST asks for
	for _, other := range names {
		longest := max(len(name), len(other), 1)
		if longest > 200 {
			continue
		}
		if s := 1 - float64(distance(name, other))/float64(longest); s >= score && (s > score || best == "" || other < best) {
			best, score = other, s
		}
	}
	return best
}

// distance is Levenshtein's.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			next := min(row[j+1]+1, row[j]+1, diagonal+cost)
			diagonal, row[j+1] = row[j+1], next
		}
	}
	return row[len(b)]
}
