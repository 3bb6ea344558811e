-- Grants, once more and tighter: nobody truncates, references or puts triggers on Stark's tables, and anon has no part in them.

revoke truncate, references, trigger on
  public.users, public.packs, public.nodes, public.node_leases, public.leader_lease, public.pods, public.pod_history, public.pod_logs,
  public.namespaces, public.namespace_usage, public.priority_classes, public.cluster_config, public.deployments, public.deployment_revisions,
  public.events
from anon, authenticated, service_role;
revoke all on
  public.users, public.packs, public.nodes, public.node_leases, public.leader_lease, public.pods, public.pod_history, public.pod_logs,
  public.namespaces, public.namespace_usage, public.priority_classes, public.cluster_config, public.deployments, public.deployment_revisions,
  public.events
from anon;
revoke all on sequence public.pod_history_id_seq, public.pod_logs_id_seq, public.events_id_seq from anon, authenticated;

-- Trigger functions are run by their triggers; nobody has a reason to call them.
revoke execute on function
  stark.touch(), stark.guard_user(), stark.guard_namespace(), stark.guard_node(), stark.guard_pod_update(), stark.guard_deployment(),
  stark.refuse_rewrite(), stark.refuse_truncate()
from public, authenticated, service_role;

-- What is said here is said once: history is written by trigger alone, for the service role too.
revoke insert, update, delete on public.pod_history from service_role;

comment on column public.users.id is 'That of auth.users.';
comment on column public.users.email is 'Mirrors auth.users; whoever may see the row sees it: its user, operators and admins.';
comment on column public.packs.owner_id is 'Who registered it; null when the account is gone: then only admins manage it.';
comment on column public.nodes.owner_id is 'Whose agent it is: only this user may connect as it.';
comment on column public.nodes.capabilities is 'What the agent found out about its machine: free-form JSON.';
comment on column public.pods.created_by is 'Whose pod it is: sees its logs, may stop it. Null for pods that no user created.';
comment on column public.leader_lease.holder is 'The server that holds it.';
