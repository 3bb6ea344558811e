package rest

import "slices"

// relate turns foreign keys into relationships: each in both directions, and through tables whose primary key holds two of them.
// Source: PostgREST src/PostgREST/SchemaCache.hs, addInverseRels and addM2MRels.
func (c *catalog) relate(keys []*relationship) {
	for _, key := range keys {
		c.add(key)
		c.add(key.inverse())
	}
	for _, key := range keys {
		for _, other := range keys {
			if key.from == other.from && key != other {
				c.addJunction(key, other)
			}
		}
	}
}

// add keeps what both ends of which are exposed.
func (c *catalog) add(r *relationship) {
	if c.schemas[r.from.schema] != nil && c.schemas[r.to.schema] != nil {
		c.relations[r.from] = append(c.relations[r.from], r)
	}
}

func (r *relationship) inverse() *relationship {
	back := &relationship{from: r.to, to: r.from, kind: oneToMany, constraint: r.constraint}
	if r.kind == oneToOne {
		back.kind = oneToOne
	}
	for _, p := range r.pairs {
		back.pairs = append(back.pairs, pair{p.there, p.here})
	}
	return back
}

func (c *catalog) addJunction(key, other *relationship) {
	if key.constraint == other.constraint {
		return
	}
	here := slices.Concat(key.columns(), other.columns())
	if !subset(here, key.from.primary) {
		return
	}
	c.add(&relationship{from: key.to, to: other.to, kind: manyToMany, junction: &junction{
		table: key.from, fromName: key.constraint, toName: other.constraint, fromPairs: key.inverse().pairs, toPairs: other.inverse().pairs,
	}})
}

// columns are the ones on this side.
func (r *relationship) columns() []string {
	names := make([]string, len(r.pairs))
	for i, p := range r.pairs {
		names[i] = p.here
	}
	return names
}
