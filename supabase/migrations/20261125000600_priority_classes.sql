-- Priority classes as in Kubernetes: the built-ins, reserved names and values, and what cannot change once pods have copied it.

create function stark.guard_priority_class() returns trigger
language plpgsql set search_path = ''
as $$
begin
  if tg_op = 'UPDATE' and (new.name, new.value, new.preemption_policy) is distinct from (old.name, old.value, old.preemption_policy) then
    -- Pods have copied it; a class that means two things at once explains nothing.
    raise exception 'name, value and preemption policy of a priority class are immutable'
      using errcode = '23514', constraint = 'priority_classes_immutable', detail = 'priority_classes_immutable', hint = 'Create another class.';
  end if;
  if current_user = 'authenticated' and (case when tg_op = 'DELETE' then old.name else new.name end) like 'system-%' then
    raise exception 'names that start with "system-" belong to the system'
      using errcode = '23514', constraint = 'priority_classes_system', detail = 'priority_classes_system', hint = 'Choose another name.';
  end if;
  if tg_op = 'DELETE' then
    return old;
  end if;
  if new.value > 1000000000 and new.name not like 'system-%' then
    raise exception 'the value of a priority class is at most 1000000000'
      using errcode = '23514', constraint = 'priority_classes_value_user', detail = 'priority_classes_value_user',
            hint = 'Higher values are kept for system- classes, so that nothing preempts those.';
  end if;
  return new;
end
$$;
comment on function stark.guard_priority_class() is 'Row trigger: a class keeps its meaning; system- names and values above a thousand million are reserved.';
revoke execute on function stark.guard_priority_class() from public;
create trigger priority_classes_guard before insert or update or delete on public.priority_classes
  for each row execute function stark.guard_priority_class();

comment on column public.priority_classes.value is 'Higher is scheduled first. Users'' classes end at 1000000000, as in Kubernetes. Pods copy it when they are created.';
comment on column public.priority_classes.preemption_policy is
  'PreemptLowerPriority: may push pods of lower priority off a node. Never: only comes first in the queue.';
comment on column public.priority_classes.global_default is 'The class of pods that name none; at most one.';

insert into public.priority_classes (name, value, preemption_policy, global_default, description) values
  ('system-node-critical', 2000001000, 'PreemptLowerPriority', false, 'What a node cannot be without.'),
  ('system-cluster-critical', 2000000000, 'PreemptLowerPriority', false, 'What the cluster cannot be without.')
on conflict (name) do nothing;
