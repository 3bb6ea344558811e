// Package feed follows Postgres through logical replication: list, then watch.
//
// A connection starts with a TEMPORARY slot that exports a snapshot. The published tables are listed in that snapshot
// and handed over as one core.Changes with Snapshot set; then every transaction after it follows, in commit order. There
// is no resuming: whatever goes wrong, the feed connects anew and lists again. No slot outlives its connection, so
// a server that is gone never keeps WAL on the user's disk.
//
// Sources: PostgreSQL "Streaming Replication Protocol" and "Logical Replication Message Formats"; kine and the
// Kubernetes informer for the shape.
package feed
