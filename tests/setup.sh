#!/bin/sh
# Makes sure that what Stark needs is on this machine. It installs what it can (Debian packages when it may, npm packages of this
# checkout) and says what to do about the rest. Safe to run again; a second run takes no time.
#   sh tests/setup.sh           what `make up` and `make demo` need
#   sh tests/setup.sh --tests   what `make test` needs besides
set -eu
cd "$(dirname "$0")/.."

say() { printf '• %s\n' "$*" >&2; }
fail() { printf 'error: %s\nhint: %s\n' "$1" "$2" >&2; exit 1; }

as_root=
if [ "$(id -u)" != 0 ]; then
  as_root='sudo -n'
fi

# apt PACKAGE… installs Debian packages, if this is a Debian and we may.
apt() {
  command -v apt-get >/dev/null || return 1
  $as_root true 2>/dev/null || return 1
  say "Installing $* (Debian)"
  $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@" >/dev/null 2>&1 && return
  $as_root apt-get update -q >/dev/null 2>&1 || return 1
  $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@" >/dev/null
}

# have_postgres: an initdb of version 15 or newer, where the program itself will look.
have_postgres() {
  for dir in /usr/lib/postgresql/*/bin /usr/pgsql-*/bin /opt/homebrew/opt/postgresql@*/bin /usr/local/opt/postgresql@*/bin; do
    [ -x "$dir/initdb" ] && return
  done
  command -v postgres >/dev/null
}

command -v go >/dev/null || fail 'Go is not installed' 'install Go 1.26 or newer: https://go.dev/dl'

major=$(node --version 2>/dev/null | sed -n 's/^v\([0-9]*\)\..*/\1/p')
[ "${major:-0}" -ge 20 ] || fail "Node.js 20 or newer is needed, this is ${major:-none}" 'install it: https://nodejs.org'

if ! have_postgres; then
  apt postgresql || say 'No PostgreSQL here: `stark up` will fetch one at its first start'
fi

[ "${1:-}" = --tests ] || exit 0

# Where Debian has it, or what $CHROMIUM names.
if ! [ -x "${CHROMIUM:-/usr/bin/chromium}" ]; then
  apt chromium || fail 'the tests need Chromium, for packs in browsers' 'install it, e.g. apt-get install chromium, or set CHROMIUM to where one is'
fi

have_postgres || fail 'the tests need PostgreSQL 15 or newer' 'install it, e.g. apt-get install postgresql'

# The schema's tests need pgTAP and plpgsql_check in the newest PostgreSQL that is here, since that is the one the tests run on.
newest=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sed 's,^/usr/lib/postgresql/\([0-9]*\)/bin$,\1,' | sort -n | tail -1)
for extension in pgtap plpgsql_check; do
  sharedir=$("/usr/lib/postgresql/$newest/bin/pg_config" --sharedir 2>/dev/null || pg_config --sharedir 2>/dev/null || echo /nowhere)
  if [ ! -e "$sharedir/extension/$extension.control" ]; then
    apt "postgresql-$newest-$(echo $extension | tr _ -)" ||
      fail "the tests need the PostgreSQL extension $extension" "install it, e.g. apt-get install postgresql-$newest-$(echo $extension | tr _ -)"
  fi
done

# npm_install DIR installs a folder's locked packages unless that was done already. Not `npm ci`: it refuses a lock that lacks optional
# packages of other platforms (the Supabase CLI has one for each), and not every registry has them all. --no-save leaves the lock alone.
npm_install() {
  if [ ! -e "$1/node_modules/.package-lock.json" ] || [ "$1/package-lock.json" -nt "$1/node_modules/.package-lock.json" ]; then
    say "Installing npm packages of $1"
    (cd "$1" && npm install --no-save --no-fund --no-audit --loglevel=error >/dev/null)
    touch "$1/node_modules/.package-lock.json"
  fi
}

npm_install functions/agent
npm_install functions/console
npm_install tests/js
