-- What the leader decides. Each statement carries its epoch: FOR KEY SHARE holds a take-over off until the decision is
-- committed, and a stale leader finds no lease and writes nothing.
--
-- Rows are locked before they are changed, nodes before pods, and never waited for: whoever holds one (a registration that is under way, a
-- session that somebody left open in psql) must not stop the whole cluster. What was passed over is tried again. What is locked carries along
-- what is to be written, since a join of two such lists is slow: the planner does not know their length.
--
-- `status || ''` is no typing error: it keeps the planner from going through all pods of a status, by their index, for each id that is looked
-- up. When it last looked there may have been none of that status, and now there are thousands.

-- name: Assign :many
-- A placement counts if the pod still waits and its node still takes pods. The lock on the node lasts until the commit, so that it cannot
-- be lost or deleted under a pod that is on its way there.
with lease as materialized (
  select 1 from public.leader_lease l
  where l.name = @lease_name and l.holder = @holder and l.epoch = @epoch
  for key share
),
home as materialized (
  select n.id from public.nodes n
  where n.id = any (@nodes::uuid[]) and n.status = 'healthy' and not n.unschedulable
    and exists (select 1 from lease)
  for share skip locked
),
waiting as materialized (
  select p.id, d.node_id
  from (select unnest(@pods::uuid[]) as pod_id, unnest(@nodes::uuid[]) as node_id) d
  join public.pods p on p.id = d.pod_id
  where p.status || '' = 'pending' and p.desired_state = 'running' and d.node_id in (select home.id from home)
    and exists (select 1 from lease)
  for no key update of p skip locked
)
update public.pods p
set status = 'scheduled', node_id = waiting.node_id, reason = '', message = ''
from waiting
where p.id = waiting.id and p.status || '' = 'pending' and p.desired_state = 'running'
returning p.id;

-- name: HoldsLease :one
select exists (select 1 from public.leader_lease where name = @name and holder = @holder and epoch = @epoch);

-- name: ExplainPending :many
-- Writes what differs, and returns the pods that it saw: the others are not visible yet, or locked by someone.
with lease as materialized (
  select 1 from public.leader_lease l
  where l.name = @lease_name and l.holder = @holder and l.epoch = @epoch
  for key share
),
seen as materialized (
  select p.id, d.explanation
  from (select unnest(@pods::uuid[]) as pod_id, unnest(@explanations::jsonb[]) as explanation) d
  join public.pods p on p.id = d.pod_id
  where exists (select 1 from lease)
  for no key update of p skip locked
),
written as (
  update public.pods p
  set unschedulable = seen.explanation
  from seen
  where p.id = seen.id and p.status || '' = 'pending' and p.unschedulable is distinct from seen.explanation
  returning p.id
)
select seen.id from seen;

-- name: LoseNodes :many
-- Nodes whose lease is still the one that was seen to have run out become unhealthy. Both rows are locked, so that a
-- registration or a renewal that commits at the same time is not overlooked.
with lease as materialized (
  select 1 from public.leader_lease l
  where l.name = @lease_name and l.holder = @holder and l.epoch = @epoch
  for key share
),
lost as materialized (
  select n.id
  from public.nodes n
  join public.node_leases nl on nl.node_id = n.id
  join (select unnest(@nodes::uuid[]) as node_id, unnest(@seen::timestamptz[]) as renewed_at) d on d.node_id = n.id
  where nl.renewed_at <= d.renewed_at and n.status <> 'unhealthy'
    and exists (select 1 from lease)
  for no key update of n, nl skip locked
)
update public.nodes n
set status = 'unhealthy', status_reason = 'lease_expired'
from lost
where n.id = lost.id
returning n.id;

-- name: EvictFromUnhealthy :many
-- Pods whose node is unhealthy lose their home. The node is checked here, not by the caller: it may have come back.
with lease as materialized (
  select 1 from public.leader_lease l
  where l.name = @lease_name and l.holder = @holder and l.epoch = @epoch
  for key share
),
gone as materialized (
  select n.id from public.nodes n
  where n.id = any (@nodes::uuid[]) and n.status = 'unhealthy'
    and exists (select 1 from lease)
  for share skip locked
),
homeless as materialized (
  select p.id
  from public.pods p
  join gone on gone.id = p.node_id
  where p.status in ('scheduled', 'starting', 'running', 'stopping')
  for no key update of p skip locked
)
update public.pods p
set status = 'pending', node_id = null, reason = @reason, message = 'the node was not heard any more'
from homeless
where p.id = homeless.id and p.status || '' in ('scheduled', 'starting', 'running', 'stopping')
returning p.id;

-- name: NodeLeases :many
select nl.node_id, nl.renewed_at, n.status
from public.node_leases nl join public.nodes n on n.id = nl.node_id
where n.status <> 'unhealthy'
   or exists (select 1 from public.pods p where p.node_id = n.id and p.status in ('scheduled', 'starting', 'running', 'stopping'));

-- name: Evict :many
-- Asks pods to leave their node. One that is not there any more, or is leaving already, is left alone. A pod that is asked again, with less time, keeps its reason.
with lease as materialized (
  select 1 from public.leader_lease l
  where l.name = @lease_name and l.holder = @holder and l.epoch = @epoch
  for key share
),
here as materialized (
  select p.id, d.reason, d.message, d.grace_ms
  from (select unnest(@pods::uuid[]) as pod_id, unnest(@nodes::uuid[]) as node_id, unnest(@reasons::text[]) as reason,
               unnest(@messages::text[]) as message, unnest(@graces_ms::integer[]) as grace_ms) d
  join public.pods p on p.id = d.pod_id
  where p.node_id = d.node_id and p.desired_state = 'running'
    and (p.status || '' in ('scheduled', 'starting', 'running') or (p.eviction is not null and p.status || '' = 'stopping'))
    and exists (select 1 from lease)
  for no key update of p skip locked
)
update public.pods p
set eviction = coalesce(p.eviction, here.reason), message = case when p.eviction is null then here.message else p.message end,
    eviction_grace_ms = case when here.grace_ms >= 0 then least(here.grace_ms, p.eviction_grace_ms) else p.eviction_grace_ms end
from here
where p.id = here.id and p.desired_state = 'running' and p.status || '' in ('scheduled', 'starting', 'running', 'stopping')
returning p.id;

-- name: EndDrains :many
-- The pods that are to leave have left. None comes meanwhile: the node is cordoned.
with lease as materialized (
  select 1 from public.leader_lease l
  where l.name = @lease_name and l.holder = @holder and l.epoch = @epoch
  for key share
)
update public.nodes n
set drained_at = clock_timestamp()
where n.id = any (@nodes::uuid[]) and n.drain_deadline is not null and n.drained_at is null
  and exists (select 1 from lease)
  and not exists (select 1 from public.pods p left join public.deployments d on d.id = p.deployment_id
                  where p.node_id = n.id and p.status in ('scheduled', 'starting', 'running', 'stopping') and d.mode is distinct from 'daemonset')
returning n.id;
