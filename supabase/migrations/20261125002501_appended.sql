-- What is only ever added to is followed by a publication of its own, which carries insertions and nothing else: what retention deletes later is
-- no news, and there is much of it. Only what says where to look is in it; whoever watches reads the row under their own policies.

create publication stark_appended for table public.events (id, namespace) with (publish = 'insert');
