-- A score of one's own: an expression over a node and the pod's namespace, and what it counts.

insert into stark.config_keys (key, type, least, most, choices, default_value, description) values
  ('scheduler.score', 'text', null, null, null, '""', 'An expression (CEL) that says how good a node is, in percent; empty for none. The API refuses one that does not compile.'),
  ('scheduler.weights.custom', 'integer', 0, 100, null, '1', 'What scheduler.score counts.');
