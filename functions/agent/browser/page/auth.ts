/** Supabase Auth, as far as the page needs it, and the tab's session: sessionStorage is this tab's alone, and no worker can read it. */

export interface Project {
  supabaseUrl: string;
  anonKey: string;
}

export interface Session {
  email: string;
  accessToken: string;
  refreshToken: string | undefined;
}

const KEY = "stark-agent-session";

/** Exchanges a password for a session. Rejects with a message for a person. */
export async function logIn(project: Project, email: string, password: string): Promise<Session> {
  let response: Response;
  try {
    response = await fetch(`${project.supabaseUrl}/auth/v1/token?grant_type=password`, {
      method: "POST",
      headers: { apikey: project.anonKey, "content-type": "application/json" },
      body: JSON.stringify({ email, password }),
      signal: AbortSignal.timeout(15_000),
    });
  } catch (error) {
    throw new Error(`Supabase Auth at ${project.supabaseUrl} cannot be reached. Try again in a moment.`, { cause: error });
  }
  const answer = (await response.json().catch(() => ({}))) as Record<string, unknown>;
  const { access_token: accessToken, refresh_token: refreshToken } = answer;
  if (response.ok && typeof accessToken === "string")
    return { email, accessToken, refreshToken: typeof refreshToken === "string" ? refreshToken : undefined };
  const said = [answer["msg"], answer["message"], answer["error_description"]].find((text) => typeof text === "string");
  throw new Error(typeof said === "string" ? said : `Supabase Auth answered with ${response.status}.`);
}

/** Ends the session at Supabase too; a failure leaves it to expire. */
export async function logOut(project: Project, session: Session): Promise<void> {
  forget();
  const headers = { apikey: project.anonKey, authorization: `Bearer ${session.accessToken}` };
  await fetch(`${project.supabaseUrl}/auth/v1/logout?scope=local`, { method: "POST", headers, keepalive: true }).catch(() => {});
}

export function remembered(): Session | undefined {
  try {
    const value = JSON.parse(sessionStorage.getItem(KEY) ?? "null") as Partial<Session> | null;
    if (typeof value?.email !== "string" || typeof value.accessToken !== "string") return undefined;
    return { email: value.email, accessToken: value.accessToken, refreshToken: value.refreshToken };
  } catch {
    return undefined; // not ours, or no storage
  }
}

export function remember(session: Session): void {
  sessionStorage.setItem(KEY, JSON.stringify(session));
}

export function forget(): void {
  sessionStorage.removeItem(KEY);
}
