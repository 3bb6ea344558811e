-- Rollouts: what the control loop needs to follow deployments, and what it remembers of them from one leader to the next.

comment on column public.deployments.status is
  'What the control loop says, and goes by after it was killed: {"replicas", "updated", "ready", "available", "unavailable", "conditions": [{"type", "status", "reason", "message", "since"}], "stableGeneration", "ends", "progressAt", "rolledBack"}.';
comment on column public.deployments.strategy is
  '{"type": "RollingUpdate" | "Recreate", "maxSurge", "maxUnavailable": number or percentage (25%), "minReadySeconds" (1), "progressDeadlineSeconds" (600), "autoRollback" (true)}.';

alter publication stark set table
  public.packs (id, name, version, runtime_tag, owner_id, visibility, bundle_path, bundle_sha256, bundle_size, entry, min_runtime_version),
  public.nodes (id, name, runtime_type, runtime_version, owner_id, access, status, unschedulable, labels, taints, max_pods, cpu_millis,
                memory_bytes, drain_requested_at, drain_deadline, drained_at, created_at, revision),
  public.pods (id, name, namespace, pack_id, env, args, metadata, cpu_millis, memory_bytes, priority, preemption_policy, node_selector,
               tolerations, affinity, topology_spread, scheduling_group, scheduling_group_size, grace_period_ms, deployment_id,
               deployment_generation, created_by, labels, desired_state, status, reason, node_id, incarnation, restarts, created_at, revision,
               eviction, eviction_grace_ms, scheduled_at, started_at, finished_at),
  public.namespaces,
  public.priority_classes,
  public.cluster_config,
  public.deployments (id, name, namespace, labels, pack_id, follow_latest, mode, replicas, spec, strategy, paused, generation,
                      observed_generation, status, created_by, created_at, revision);
