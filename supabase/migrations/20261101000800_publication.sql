-- What the worker follows, and of it only what it needs: a column list keeps results, messages and annotations out of its stream.
-- Users (addresses), leases (beats), history and logs are left out on purpose.

create publication stark for table
  public.packs (id, name, version, runtime_tag, owner_id, visibility, bundle_path, bundle_sha256, bundle_size),
  public.nodes (id, name, runtime_type, runtime_version, owner_id, access, status, unschedulable, labels, taints, max_pods, cpu_millis,
                memory_bytes, created_at, revision),
  public.pods (id, name, namespace, pack_id, env, args, metadata, cpu_millis, memory_bytes, priority, node_selector, tolerations, affinity,
               grace_period_ms, created_by, labels, desired_state, status, reason, node_id, incarnation, restarts, created_at, revision),
  public.namespaces,
  public.priority_classes,
  public.cluster_config;
