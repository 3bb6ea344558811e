import { invalid, parseObject, post, readBody, Refusal, succeed } from "../_shared/http.ts";
import { sameSecret, sign, signatureHeader } from "../_shared/signature.ts";
import { type Env, need } from "../_shared/supabase.ts";
import { checkTarget, type Resolve } from "./target.ts";

const maxBody = 4 << 20; // bytes: a pod's row is in it twice
const maxText = 1024;
const attemptTimeout = 10_000; // ms
/** Before each attempt, in ms: full jitter is taken off (AWS Architecture Blog, "Exponential Backoff and Jitter"). */
const pauses = [0, 500, 1000, 2000, 4000];
/** The longest that a receiver's Retry-After is heeded, in ms: a function does not live for ever. */
const longestPause = 15_000;

/** What the world is to this function. */
export interface World {
  resolve: Resolve;
  fetch?: typeof fetch;
  sleep?: (ms: number) => Promise<void>;
  now?: () => number; // ms
}

interface Pod {
  id: string;
  name: string;
  namespace: string;
  pack_id: string;
  node_id: string | null;
  status: string;
  reason: string;
  message: string;
  restarts: number;
  incarnation: number;
  finished_at: string | null;
}

/** Makes the handler. */
export function notify(env: Env, world: World): (request: Request) => Promise<Response> {
  return post("notify", async (request) => {
    const secret = need(env, "STARK_NOTIFY_SECRET");
    const given = /^Bearer +(\S+)$/i.exec(request.headers.get("authorization") ?? "")?.[1] ?? "";
    if (!await sameSecret(given, secret)) throw new Refusal(401, "UNAUTHORIZED", "the webhook's secret does not count");
    const pod = failedPod(parseObject(await readBody(request, maxBody), ["type", "table", "schema", "record", "old_record"]));
    const namespaces = (env("STARK_NOTIFY_NAMESPACES") ?? "").split(",").map((s) => s.trim()).filter((s) => s !== "");
    if (pod === undefined || (namespaces.length > 0 && !namespaces.includes(pod.namespace))) return succeed({ delivered: false });

    const delivery = deliver(env, world, pod);
    const later = (globalThis as { EdgeRuntime?: { waitUntil(work: Promise<unknown>): void } }).EdgeRuntime;
    if (later === undefined) {
      await delivery;
      return succeed({ delivered: true });
    }
    // The database waits a few seconds at most for its webhooks.
    later.waitUntil(delivery.catch((error: unknown) => console.error("notify:", pod.id, error)));
    return succeed({ delivered: "soon" }, 202);
  });
}

/** The pod that has just failed, if that is what the change is. */
function failedPod(change: Record<string, unknown>): Pod | undefined {
  const [now, before] = [change.record, change.old_record] as [Pod | null | undefined, Pod | null | undefined];
  if (change.schema !== "public" || change.table !== "pods") throw invalid("table", "this webhook is for public.pods");
  return now?.status === "failed" && before?.status !== "failed" ? now : undefined;
}

/** Sends until it is taken, a few times at most; throws why it was not. */
async function deliver(env: Env, world: World, pod: Pod): Promise<void> {
  const { fetch: send = fetch, sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms)), now = () => Date.now() } = world;
  const url = need(env, "STARK_NOTIFY_URL");
  const body = new TextEncoder().encode(JSON.stringify(messageOf(pod)));
  let problem = "";
  let atLeast = 0;
  for (const pause of pauses) {
    if (pause > 0) await sleep(Math.max(atLeast, pause * (0.5 + Math.random() / 2)));
    // Each time: a name may lead elsewhere by now.
    await checkTarget(url, env("STARK_NOTIFY_ALLOW_PRIVATE") === "true", world.resolve);
    const headers: Record<string, string> = { "content-type": "application/json", "user-agent": "stark-notify" };
    const key = env("STARK_NOTIFY_SIGNING_SECRET");
    if (key) headers[signatureHeader] = await sign(key, body, Math.floor(now() / 1000));
    let response: Response;
    try {
      response = await send(url, { method: "POST", headers, body, redirect: "manual", signal: AbortSignal.timeout(attemptTimeout) });
    } catch (error) {
      problem = error instanceof Error ? error.message : String(error);
      continue;
    }
    await response.body?.cancel();
    if (response.ok) return;
    problem = `HTTP ${response.status}`;
    if (response.status < 500 && response.status !== 429 && response.status !== 408) break; // it will not take it, however often it is sent
    atLeast = Math.min(longestPause, 1000 * (Number(response.headers.get("retry-after")) || 0));
  }
  throw new Refusal(502, "NOT_DELIVERED", `the receiver did not take it: ${problem}`);
}

/** `text` is what Slack and its like show; the rest is for programs. `id` is the same however often it is sent. */
function messageOf(pod: Pod): unknown {
  const cut = (text: string) => text.length > maxText ? text.slice(0, maxText) + "…" : text;
  const summary = `Pod ${pod.namespace}/${pod.name} failed (${pod.reason})${pod.message === "" ? "" : ": " + pod.message.split("\n")[0]}`;
  return {
    id: `${pod.id}:${pod.incarnation}`,
    type: "pod.failed",
    text: cut(summary),
    pod: {
      id: pod.id,
      name: pod.name,
      namespace: pod.namespace,
      packId: pod.pack_id,
      nodeId: pod.node_id,
      reason: pod.reason,
      message: cut(pod.message),
      restarts: pod.restarts,
      incarnation: pod.incarnation,
      finishedAt: pod.finished_at,
    },
  };
}
