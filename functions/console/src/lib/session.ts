import { AuthClient } from "@supabase/auth-js";
import { reactive } from "vue";
import type { User } from "./types.ts";

/** Who is logged in, and with which project. auth-js is the part of supabase-js that is needed: it keeps and refreshes the session. */
export const session = reactive({ ready: false, user: null as User | null, supabaseUrl: "", anonKey: "", version: "" });

let auth: InstanceType<typeof AuthClient> | undefined;

export async function begin(): Promise<void> {
  const answer = await fetch("/api/info");
  const { data } = (await answer.json()) as { data: { supabaseUrl: string; anonKey: string; version: string } };
  Object.assign(session, { ...data, supabaseUrl: data.supabaseUrl.replace(/\/$/, "") });
  auth = new AuthClient({ url: `${session.supabaseUrl}/auth/v1`, headers: { apikey: data.anonKey }, storageKey: "stark-console", flowType: "pkce" });
  auth.onAuthStateChange((event: string) => {
    if (event === "SIGNED_OUT") session.user = null;
  });
  if ((await auth.getSession()).data.session) await identify().catch(() => auth?.signOut({ scope: "local" }));
  session.ready = true;
}

/** The access token, refreshed when it is about to end. Throws when nobody is logged in. */
export async function token(): Promise<string> {
  const held = (await auth?.getSession())?.data.session;
  if (!held) {
    session.user = null;
    throw new Error("Your session has ended. Log in again.");
  }
  return held.access_token;
}

export async function logIn(email: string, password: string): Promise<void> {
  const { error } = await client().signInWithPassword({ email, password });
  if (error) throw error;
  await identify();
}

/** Returns false when the address has to be confirmed first. */
export async function signUp(email: string, password: string): Promise<boolean> {
  const { data, error } = await client().signUp({ email, password });
  if (error) throw error;
  if (!data.session) return false;
  await identify();
  return true;
}

export async function logOut(): Promise<void> {
  await client().signOut({ scope: "local" });
  session.user = null;
}

/** Whether the user's role is one of these. Only what to show: the database decides. */
export const is = (...roles: string[]) => roles.includes(session.user?.role ?? "");

async function identify(): Promise<void> {
  const answer = await fetch("/auth/whoami", { headers: { authorization: `Bearer ${await token()}` } });
  const body = (await answer.json()) as { data?: User; error?: { message: string } };
  if (!body.data) throw new Error(body.error?.message ?? "The server does not know this login.");
  session.user = body.data;
}

function client(): InstanceType<typeof AuthClient> {
  if (!auth) throw new Error("The server does not answer. Is `stark serve` running? Load the page again.");
  return auth;
}
