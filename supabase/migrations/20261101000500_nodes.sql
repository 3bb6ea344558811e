-- Nodes: the runtimes that agents offer, and the leases that say which agent speaks for them.

create table public.nodes (
  id uuid primary key default gen_random_uuid(),
  name text not null unique check (stark.is_dns_label(name)),
  runtime_type text not null check (runtime_type in ('node', 'browser')),
  runtime_version text not null default '' check (length(runtime_version) <= 256),
  agent_version text not null default '' check (length(agent_version) <= 64),
  owner_id uuid default auth.uid() references public.users (id) on delete set null,
  access text not null default 'private' check (access in ('shared', 'private')),
  status text not null default 'unknown' check (status in ('healthy', 'unhealthy', 'unknown')),
  status_reason text not null default 'registered',
  status_since timestamptz not null default now(),
  unschedulable boolean not null default false,
  labels jsonb not null default '{}' check (stark.is_string_map(labels)),
  annotations jsonb not null default '{}' check (stark.is_string_map(annotations)),
  taints jsonb not null default '[]' check (jsonb_typeof(taints) = 'array'),
  capabilities jsonb not null default '{}' check (jsonb_typeof(capabilities) = 'object'),
  cpu text not null default '1',
  memory text not null default '1Gi',
  max_pods integer not null default 110 check (max_pods between 0 and 100000),
  cpu_millis bigint not null,
  memory_bytes bigint not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  revision bigint not null default 1
);
comment on table public.nodes is 'A runtime that executes packs: a Node.js process or a browser tab. Health here changes seldom; beats are in node_leases.';
comment on column public.nodes.access is 'shared: takes anyone''s pods. private: only its owner''s. Only an operator or an admin makes a node shared.';
comment on column public.nodes.status is 'healthy: connected and beating · unknown: not connected now · unhealthy: its lease ran out, or it said goodbye.';
comment on column public.nodes.status_reason is 'Machine-readable: registered, connected, connection_lost, lease_expired, disconnected.';
comment on column public.nodes.unschedulable is 'Cordoned: keeps its pods, takes no new ones.';
comment on column public.nodes.taints is 'As in Kubernetes: [{"key","value","effect": NoSchedule|PreferNoSchedule|NoExecute}].';
comment on column public.nodes.cpu is 'What it offers to pods, as a normalised quantity; cpu_millis is the same as an integer, set by trigger.';
comment on column public.nodes.memory is 'What it offers to pods, as a normalised quantity; memory_bytes is the same as an integer, set by trigger.';
comment on column public.nodes.cpu_millis is 'Allocatable millicores; follows cpu.';
comment on column public.nodes.memory_bytes is 'Allocatable bytes; follows memory.';
create index nodes_owner_id on public.nodes (owner_id);

create function stark.guard_node() returns trigger
language plpgsql set search_path = ''
as $$
declare
  as_user constant boolean := current_user = 'authenticated';
begin
  new.cpu_millis := stark.parse_cpu(new.cpu);
  new.memory_bytes := stark.parse_memory(new.memory);
  new.cpu := stark.format_cpu(new.cpu_millis);
  new.memory := stark.format_memory(new.memory_bytes);
  if tg_op = 'INSERT' then
    if as_user then
      -- Otherwise any login could attract others' code. An account of role `node` was made by an admin for just this.
      new.access := case when stark.i_am('admin', 'operator', 'node') then 'shared' else 'private' end;
    end if;
    return new;
  end if;
  if (new.id, new.name, new.runtime_type, new.created_at) is distinct from (old.id, old.name, old.runtime_type, old.created_at) then
    raise exception 'name and runtime type of a node are immutable' using errcode = '23514', constraint = 'nodes_immutable';
  end if;
  if as_user and new.access is distinct from old.access and not stark.i_am('admin', 'operator') then
    raise exception 'only an operator or an admin may change who a node is for' using errcode = '42501';
  end if;
  if new.status is distinct from old.status then
    new.status_since := pg_catalog.now();
  end if;
  return new;
end
$$;
comment on function stark.guard_node() is 'Row trigger: quantities, immutable identity, and who may share a node.';
grant execute on function stark.guard_node() to authenticated, service_role;

create trigger nodes_guard before insert or update on public.nodes
  for each row execute function stark.guard_node();
create trigger nodes_touch before update on public.nodes
  for each row execute function stark.touch();

revoke all on public.nodes from anon, authenticated;
grant all on public.nodes to service_role;
grant select, delete on public.nodes to authenticated;
grant insert (name, runtime_type, runtime_version, agent_version, labels, annotations, taints, capabilities, cpu, memory, max_pods),
      update (runtime_version, agent_version, access, unschedulable, labels, annotations, taints, capabilities, cpu, memory, max_pods)
  on public.nodes to authenticated;

alter table public.nodes enable row level security;
create policy nodes_select on public.nodes for select to authenticated
  using (owner_id = (select auth.uid()) or (select stark.i_am('admin', 'operator', 'developer', 'viewer')));
create policy nodes_insert on public.nodes for insert to authenticated
  with check (owner_id = (select auth.uid()) and (select stark.i_am('admin', 'operator', 'developer', 'node')));
create policy nodes_update on public.nodes for update to authenticated
  using ((owner_id = (select auth.uid()) and (select stark.i_am('developer', 'node'))) or (select stark.i_am('admin', 'operator')))
  with check ((owner_id = (select auth.uid()) and (select stark.i_am('developer', 'node'))) or (select stark.i_am('admin', 'operator')));
create policy nodes_delete on public.nodes for delete to authenticated
  using ((owner_id = (select auth.uid()) and (select stark.i_am('developer', 'node'))) or (select stark.i_am('admin', 'operator')));

-- Leases. Written in batches by the server that holds the agent's connection; not in the publication. -----------------

create table public.node_leases (
  node_id uuid primary key references public.nodes (id) on delete cascade,
  session_id uuid not null,
  boot_id uuid not null,
  server_id text not null,
  acquired_at timestamptz not null default now(),
  renewed_at timestamptz not null default now(),
  usage jsonb not null default '{}'
);
comment on table public.node_leases is 'Which connection speaks for a node, and when it was last heard.';
comment on column public.node_leases.session_id is 'The connection. A server that renews an older one matches no row and drops its socket.';
comment on column public.node_leases.boot_id is 'The agent process: a new one has lost the pods of the old one.';
comment on column public.node_leases.usage is 'What the agent last said of itself: {"pods","cpuMillis","memoryBytes"}.';

revoke all on public.node_leases from anon, authenticated;
grant all on public.node_leases to service_role;
grant select on public.node_leases to authenticated;
alter table public.node_leases enable row level security;
create policy node_leases_select on public.node_leases for select to authenticated
  using ((select stark.i_am('admin', 'operator', 'developer', 'viewer')));

-- The one decider. ----------------------------------------------------------------------------------------------------

create table public.leader_lease (
  name text primary key,
  holder text not null,
  epoch bigint not null,
  acquired_at timestamptz not null default now(),
  renewed_at timestamptz not null default now(),
  expires_at timestamptz not null,
  unique (name, epoch)
);
comment on table public.leader_lease is 'At most one server decides. Every decision names the epoch and is void under another.';
comment on column public.leader_lease.epoch is
  'Grows by one with each new holder. In a unique key on purpose: a decision holds FOR KEY SHARE, which a renewal passes and a take-over waits for.';
revoke all on public.leader_lease from anon, authenticated;
grant all on public.leader_lease to service_role;
grant select on public.leader_lease to authenticated;
alter table public.leader_lease enable row level security;
create policy leader_lease_select on public.leader_lease for select to authenticated
  using ((select stark.i_am('admin', 'operator')));
