-- The same rules, evaluated in place: a CHECK that calls an SQL function with a search_path of its own cannot be inlined, and a pod's row
-- called five of them. The names of the constraints stay.

alter table public.pods
  drop constraint pods_name_check,
  add constraint pods_name_check check (name ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'),
  drop constraint pods_env_check,
  add constraint pods_env_check check (jsonb_typeof(env) = 'object' and not jsonb_path_exists(env, 'strict $.* ? (@.type() != "string")', '{}', true)),
  drop constraint pods_node_selector_check,
  add constraint pods_node_selector_check
    check (jsonb_typeof(node_selector) = 'object' and not jsonb_path_exists(node_selector, 'strict $.* ? (@.type() != "string")', '{}', true)),
  drop constraint pods_labels_check,
  add constraint pods_labels_check check (jsonb_typeof(labels) = 'object' and not jsonb_path_exists(labels, 'strict $.* ? (@.type() != "string")', '{}', true)),
  drop constraint pods_annotations_check,
  add constraint pods_annotations_check
    check (jsonb_typeof(annotations) = 'object' and not jsonb_path_exists(annotations, 'strict $.* ? (@.type() != "string")', '{}', true));
