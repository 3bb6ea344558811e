-- What watchers hear of. All but CurrentSnapshot runs as the watcher, under row-level security: a row that does not come back is gone, or not theirs to see.

-- name: CurrentSnapshot :one
-- What a statement that begins now sees, as xmin:xmax:running,….
select pg_current_snapshot()::text;

-- name: WatchedPods :many
select p.id, p.name, p.namespace, p.pack_id, coalesce(pk.name, '')::text as pack_name, coalesce(pk.version, '')::text as pack_version,
       p.node_id, coalesce(n.name, '')::text as node_name, p.status, p.desired_state, p.reason, p.message, p.incarnation, p.restarts,
       p.cpu, p.memory, p.priority_class, p.priority, p.env, p.args, p.metadata, p.node_selector, p.tolerations, p.affinity, p.topology_spread,
       coalesce(p.scheduling_group, '')::text as scheduling_group, coalesce(p.scheduling_group_size, 0)::integer as scheduling_group_size,
       p.grace_period_ms, p.labels, p.annotations, p.unschedulable, p.result, p.created_by, p.created_at, p.scheduled_at, p.started_at,
       p.finished_at, p.revision, p.deployment_id, coalesce(p.deployment_generation, 0)::bigint as deployment_generation,
       coalesce(p.eviction, '')::text as eviction
from public.pods p
left join public.packs pk on pk.id = p.pack_id
left join public.nodes n on n.id = p.node_id
where p.id = any (@ids::uuid[]);

-- name: WatchedNodes :many
select n.id, n.name, n.runtime_type, n.runtime_version, n.agent_version, n.status, n.status_reason, n.status_since,
       l.renewed_at as last_heartbeat, n.owner_id, n.access, n.unschedulable, n.labels, n.annotations, n.taints, n.capabilities,
       n.cpu, n.memory, n.max_pods, n.drain_requested_at, n.drain_deadline, n.drained_at, n.created_at, n.revision,
       (select count(*) from public.pods p where p.node_id = n.id and p.status in ('scheduled', 'starting', 'running', 'stopping')) as pods
from public.nodes n
left join public.node_leases l on l.node_id = n.id
where n.id = any (@ids::uuid[]);

-- name: WatchedPacks :many
select id, name, version, runtime_tag, owner_id, visibility, bundle_path, bundle_sha256, bundle_size, description, metadata, created_at, revision
from public.packs
where id = any (@ids::uuid[]);

-- name: WatchedDeployments :many
select d.id, d.name, d.namespace, d.labels, d.annotations, d.pack_id, coalesce(pk.name, '')::text as pack_name,
       coalesce(pk.version, '')::text as pack_version, d.follow_latest, d.mode, d.replicas, d.spec, d.strategy, d.paused, d.history_limit,
       d.generation, d.observed_generation, d.status, d.created_by, d.created_at, d.updated_at, d.revision
from public.deployments d
left join public.packs pk on pk.id = d.pack_id
where d.id = any (@ids::uuid[]);

-- name: WatchedNamespaces :many
select n.id, n.name, n.labels, n.resource_quota, n.defaults, n.created_at, n.revision, (u.namespace is not null)::boolean as counted,
       coalesce(u.pods, 0)::bigint as pods, coalesce(u.cpu_millis, 0)::bigint as cpu_millis, coalesce(u.memory_bytes, 0)::bigint as memory_bytes
from public.namespaces n
left join public.namespace_usage u on u.namespace = n.name
where n.id = any (@ids::uuid[]);

-- name: WatchedEvents :many
select id, at, kind, object_id, object_name, namespace, type, reason, message, data, actor_id, actor_role, correlation_id
from public.events
where id = any (@numbers::bigint[]);
