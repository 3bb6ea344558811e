// Package supabase is Stark's Supabase project as files: what `supabase start` and `supabase db push` read from this folder, and what the
// binary carries so that it needs no checkout.
package supabase

import "embed"

// Files holds migrations/*.sql, named <version>_<name>.sql as the Supabase CLI wants them, and seed.sql.
//
//go:embed migrations/*.sql seed.sql
var Files embed.FS
