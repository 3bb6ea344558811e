// Package watch tells people what changes, as it changes.
//
//	feed ─▶ Observe ─▶ ring of (position, kind, id) ─▶ seen by all? ─▶ per watcher: coalesce ─▶ read as the watcher ─▶ frames
//
// The ring is the only buffer: it is bounded, the feed never waits for anybody, and a watcher is a place in it. One who is slow finds the latest state of
// everything that changed meanwhile; one whom the ring has overtaken is told to list again. A cursor is a position in the WAL, so a watcher who
// lost a connection goes on where it was, also at another server.
//
// What reaches a watcher was read under its own row-level security. Replication bypasses it, so nothing of a row but its id comes from there.
//
// The WAL shows a commit a moment before other sessions see it. Nothing is read before everything up to there is visible (Store.Visible):
// read too early, a new row would be taken for one that is gone.
//
// The shape is that of the Kubernetes watch cache (staging/src/k8s.io/apiserver/pkg/storage/cacher) and of kine's broadcaster.
package watch
