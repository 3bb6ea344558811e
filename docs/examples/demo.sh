#!/bin/sh
# What `make demo` shows, on a stack that `stark up -- docs/examples/demo.sh` has started: log in, push two packs, run them, look at what
# happened. Every line is a command that you can type yourself.
set -eu
here=$(dirname "$0")

stark() { "$STARK_BIN" "$@"; }

run() {
  printf '\n$ stark %s\n' "$*"
  stark "$@"
}

printf '\n$ stark login --email %s --password-stdin\n' "$STARK_EMAIL"
printf '%s\n' "$STARK_PASSWORD" | stark login --email "$STARK_EMAIL" --password-stdin
run node list

# An ES module that runs to its end, with a result.
run pack push "$here/hello"
run pod run hello --name hello -e LANGUAGE=fr -f -- Ada Grace
run pod history hello

# A CommonJS module that runs until it is stopped. This pod is a row that SQL inserts: any client will do, nobody calls Stark.
run pack push "$here/ticker"
if command -v psql >/dev/null; then
  insert="insert into public.pods (name, pack_id, env) select 'ticker', id, '{\"EVERY_MS\": \"100\"}' from public.packs where name = 'ticker'"
  printf '\n$ psql "$SUPABASE_DB_URL" -c "%s"\n' "$insert"
  psql "$SUPABASE_DB_URL" -q -c "$insert"
else
  run pod run ticker --name ticker -e EVERY_MS=100
fi
run pod wait ticker
sleep 0.4 # a few ticks
run pod stop ticker --wait
run pod logs ticker --tail 3
run pod history ticker
run pod list
