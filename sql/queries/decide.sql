-- What the leader decides. Each statement carries its epoch: FOR KEY SHARE holds a take-over off until the decision is
-- committed, and a stale leader finds no lease and writes nothing.

-- name: Assign :many
with lease as materialized (
  select 1 from public.leader_lease l
  where l.name = @lease_name and l.holder = @holder and l.epoch = @epoch
  for key share
)
update public.pods p
set status = 'scheduled', node_id = d.node_id, reason = '', message = ''
from (select unnest(@pods::uuid[]) as pod_id, unnest(@nodes::uuid[]) as node_id) d
where p.id = d.pod_id and p.status = 'pending' and p.desired_state = 'running'
  and exists (select 1 from lease)
returning p.id;

-- name: HoldsLease :one
select exists (select 1 from public.leader_lease where name = @name and holder = @holder and epoch = @epoch);

-- name: ExplainPending :execrows
with lease as materialized (
  select 1 from public.leader_lease l
  where l.name = @lease_name and l.holder = @holder and l.epoch = @epoch
  for key share
)
update public.pods p
set unschedulable = d.explanation
from (select unnest(@pods::uuid[]) as pod_id, unnest(@explanations::jsonb[]) as explanation) d
where p.id = d.pod_id and p.status = 'pending' and p.unschedulable is distinct from d.explanation
  and exists (select 1 from lease);

-- name: LoseNodes :many
-- Nodes whose lease is still the one that was seen to have run out become unhealthy.
with lease as materialized (
  select 1 from public.leader_lease l
  where l.name = @lease_name and l.holder = @holder and l.epoch = @epoch
  for key share
)
update public.nodes n
set status = 'unhealthy', status_reason = 'lease_expired'
from (select unnest(@nodes::uuid[]) as node_id, unnest(@seen::timestamptz[]) as renewed_at) d
join public.node_leases nl on nl.node_id = d.node_id and nl.renewed_at <= d.renewed_at
where n.id = d.node_id and n.status <> 'unhealthy'
  and exists (select 1 from lease)
returning n.id;

-- name: EvictFromUnhealthy :many
-- Pods whose node is unhealthy lose their home. The node is checked here, not by the caller: it may have come back.
with lease as materialized (
  select 1 from public.leader_lease l
  where l.name = @lease_name and l.holder = @holder and l.epoch = @epoch
  for key share
)
update public.pods p
set status = 'pending', node_id = null, reason = @reason, message = 'the node was not heard any more'
from public.nodes n
where n.id = p.node_id and n.status = 'unhealthy' and p.node_id = any (@nodes::uuid[])
  and p.status in ('scheduled', 'starting', 'running', 'stopping')
  and exists (select 1 from lease)
returning p.id;

-- name: NodeLeases :many
select nl.node_id, nl.renewed_at, n.status
from public.node_leases nl join public.nodes n on n.id = nl.node_id
where n.status <> 'unhealthy'
   or exists (select 1 from public.pods p where p.node_id = n.id and p.status in ('scheduled', 'starting', 'running', 'stopping'));
