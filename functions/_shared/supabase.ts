/** How functions reach the project: with the public key and somebody's token, so that row-level security decides. The service key is never used. */
import { createClient, type SupabaseClient } from "npm:@supabase/supabase-js@2.119.1";

import { Refusal } from "./http.ts";

export type { SupabaseClient };

export type Env = (name: string) => string | undefined;

/** Reads a variable that must be set. */
export function need(env: Env, name: string): string {
  const value = env(name);
  if (!value) throw new Error(`${name} is not set: see docs/functions.md`);
  return value;
}

/** A client that acts as whoever the token is of; without one, as nobody. */
export function connect(env: Env, token?: string): SupabaseClient {
  const key = env("SUPABASE_PUBLISHABLE_KEY") || need(env, "SUPABASE_ANON_KEY");
  return createClient(need(env, "SUPABASE_URL"), key, {
    auth: { persistSession: false, autoRefreshToken: false, detectSessionInUrl: false },
    ...(token === undefined ? {} : { accessToken: () => Promise.resolve(token) }),
  });
}

/** What PostgREST says went wrong. */
export interface DatabaseError {
  code?: string;
  message: string;
  details?: string | null;
  hint?: string | null;
}

const statuses: Record<string, [number, string]> = {
  "42501": [403, "FORBIDDEN"],
  "23505": [409, "CONFLICT"],
  "23503": [409, "CONFLICT"],
  "23502": [400, "VALIDATION_ERROR"],
  "23514": [400, "VALIDATION_ERROR"],
  "22023": [400, "VALIDATION_ERROR"],
  "22P02": [400, "VALIDATION_ERROR"],
  "PGRST301": [401, "UNAUTHORIZED"],
  "PGRST303": [401, "UNAUTHORIZED"],
};

/** The refusal that a database error is to the caller; throws what is none of theirs. */
export function refusalOf(error: DatabaseError, what: string): Refusal {
  const known = statuses[error.code ?? ""];
  if (known === undefined) throw new Error(`${what}: ${error.code ?? ""} ${error.message}`);
  return new Refusal(known[0], known[1], `${what}: ${error.message}`, error.hint ? { hint: error.hint } : {});
}
