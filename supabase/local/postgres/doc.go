// Package postgres runs a real PostgreSQL server as a child process and makes it look like a Supabase project's database.
//
// It finds the server's programs on the machine or fetches them, keeps one cluster under a state directory, listens on loopback only,
// restarts the server when it dies, and stops it in order. The files in bootstrap/ give it Supabase's roles, schemas, tables and functions.
// It is a development stand-in: every role's password is "postgres".
//
//	binaries, fetch    which programs
//	identity, cluster  which user, which data directory
//	lock, leftover     nobody else is using it, and nothing is left from before
//	process, supervise one postmaster's life, and one after the other
//	bootstrap          what makes it Supabase's
package postgres
