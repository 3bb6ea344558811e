// Package rest is the embedded stack's stand-in for PostgREST: tables, views and functions of the exposed schemas over HTTP, with the caller's
// role and claims, so that row-level security decides. It speaks the dialect that supabase-js and supabase-go use; what it does not have (query
// plans, aggregates, GeoJSON) it refuses as a PostgREST does where that is not turned on. Syntax, SQL and error bodies follow
// github.com/PostgREST/postgrest, version 13.
//
//	request    what was asked: target, schema, preferences, media type, payload   request, query, prefer, media, payload
//	parse      the query string's little languages                                scan, parse_*
//	catalog    what there is: tables, columns, relationships, functions           catalog, load*, relate, views
//	plan       the request against the catalog                                    plan*, embed, routine
//	render     the plan as SQL                                                    sql*
//	run        one transaction under the caller's role                            run
//	describe   what there is, as OpenAPI                                          openapi
//	respond    status, headers and body; errors as PostgREST writes them          respond, errors, pgerror
//
// Nothing of a request is ever pasted into SQL: identifiers are quoted, types come from the catalog, values are parameters.
package rest
