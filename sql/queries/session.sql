-- What agents' connections do.

-- name: UpsertNode :one
-- Runs as the agent's user under row-level security. Labels are merged; taints count only at first.
insert into public.nodes as n
  (name, runtime_type, runtime_version, agent_version, labels, annotations, taints, capabilities, cpu, memory, max_pods)
values (@name, @runtime_type, @runtime_version, @agent_version, @labels, @annotations, @taints, @capabilities, @cpu, @memory, @max_pods)
on conflict (name) do update
  set runtime_version = excluded.runtime_version, agent_version = excluded.agent_version, labels = n.labels || excluded.labels,
      annotations = n.annotations || excluded.annotations, capabilities = excluded.capabilities,
      cpu = excluded.cpu, memory = excluded.memory, max_pods = excluded.max_pods
returning n.id, n.access, n.owner_id, n.runtime_type;

-- name: TakeNodeLease :exec
insert into public.node_leases as l (node_id, session_id, boot_id, server_id)
values (@node_id, @session_id, @boot_id, @server_id)
on conflict (node_id) do update
  set session_id = excluded.session_id, boot_id = excluded.boot_id, server_id = excluded.server_id,
      acquired_at = clock_timestamp(), renewed_at = clock_timestamp(), usage = '{}';

-- name: SetNodeStatus :exec
update public.nodes set status = @status, status_reason = @status_reason
where id = @id and (status <> @status or status_reason <> @status_reason);

-- name: LockNode :exec
-- Waits for a registration that is under way; the next statement then sees whom the lease belongs to.
select id from public.nodes where id = @id for no key update;

-- name: LockPodsOfNode :many
select id, name, namespace, pack_id, env, args, metadata, cpu_millis, memory_bytes, priority, grace_period_ms, desired_state, status, node_id,
       incarnation, revision, eviction, eviction_grace_ms
from public.pods
where node_id = @node_id and status in ('scheduled', 'starting', 'running', 'stopping')
order by id
for update;

-- name: RequeuePods :exec
-- Pods that their node has lost.
update public.pods set status = 'pending', node_id = null, reason = @reason, message = @message
where id = any (@pods::uuid[]) and node_id = @node_id and status || '' in ('scheduled', 'starting', 'running', 'stopping');

-- name: RequeueNode :exec
with home as materialized (
  select h.id from public.pods h
  where h.node_id = @node_id and h.status in ('scheduled', 'starting', 'running', 'stopping')
  order by h.id
  for no key update
)
update public.pods p set status = 'pending', node_id = null, reason = @reason, message = @message
from home
where p.id = home.id and p.status || '' in ('scheduled', 'starting', 'running', 'stopping');

-- name: DisconnectNode :execrows
-- Only the connection that holds the lease may say so.
update public.nodes n set status = @status, status_reason = @status_reason
from public.node_leases l
where n.id = @node_id and l.node_id = n.id and l.session_id = @session_id;

-- name: RenewNodeLeases :many
-- Returns those that still belong to their connection; the others have been taken over. A node that was given up because its lease ran
-- out is back with its next beat: it was the database or the server that did not get to it.
with held as (
  update public.node_leases l set renewed_at = clock_timestamp(), usage = d.usage
  from (select unnest(@nodes::uuid[]) as node_id, unnest(@sessions::uuid[]) as session_id, unnest(@usages::jsonb[]) as usage) d
  where l.node_id = d.node_id and l.session_id = d.session_id
  returning l.node_id, l.session_id
),
revived as (
  update public.nodes n set status = 'healthy', status_reason = 'connected'
  from held
  where n.id = held.node_id and n.status = 'unhealthy' and n.status_reason = 'lease_expired'
)
select held.session_id from held;

-- name: ReportStatuses :many
-- Takes the reports that are legal, whole batches at once. The caller asks about the rest. Pods are locked in the order that registrations lock
-- them in too, so that the two cannot wait for each other.
with d as materialized (
  select p.id as pod_id, r.node_id, r.incarnation, r.status, r.reason, r.message, r.result
  from (select unnest(@nodes::uuid[]) as node_id, unnest(@pods::uuid[]) as pod_id, unnest(@incarnations::bigint[]) as incarnation,
               unnest(@statuses::text[]) as status, unnest(@reasons::text[]) as reason, unnest(@messages::text[]) as message,
               unnest(@results::jsonb[]) as result) r
  join public.pods p on p.id = r.pod_id
  order by p.id
  for no key update of p
)
update public.pods p
set status = d.status, reason = d.reason, message = d.message, result = coalesce(d.result, p.result)
from d
where p.id = d.pod_id and p.node_id = d.node_id and p.incarnation = d.incarnation
  and p.status || '' in ('scheduled', 'starting', 'running', 'stopping')
  and stark.pod_transition_allowed(p.status, d.status)
returning p.id;

-- name: PodPositions :many
select id, node_id, incarnation, status from public.pods where id = any (@pods::uuid[]);

-- name: AppendLogs :exec
-- In the order that they came in, which is what their ids keep. Lines of pods that are gone are dropped.
insert into public.pod_logs (pod_id, incarnation, at, stream, line)
select d.pod_id, d.incarnation, d.at, d.stream, d.line
from (select unnest(@pods::uuid[]) as pod_id, unnest(@incarnations::bigint[]) as incarnation, unnest(@ats::timestamptz[]) as at,
             unnest(@streams::text[]) as stream, unnest(@lines::text[]) as line, generate_subscripts(@pods::uuid[], 1) as place) d
where exists (select 1 from public.pods p where p.id = d.pod_id)
order by d.place;

-- name: TrimLogs :exec
-- Keeps the newest lines of each pod.
delete from public.pod_logs l
using unnest(@pods::uuid[]) as d(pod_id)
where l.pod_id = d.pod_id
  and l.id <= (select k.id from public.pod_logs k where k.pod_id = d.pod_id order by k.id desc offset @keep limit 1);
