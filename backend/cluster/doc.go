// Package cluster is the in-memory picture of the cluster. Changes from the feed go in; what changed comes out, and a
// snapshot for the scheduler is cheap to take.
//
// It also remembers what the scheduler has decided but the feed has not confirmed yet (assumptions), so that one
// node's room is not given away twice between a decision and its echo. Source of the idea: kube-scheduler's cache
// (pkg/scheduler/backend/cache, AssumePod).
package cluster
