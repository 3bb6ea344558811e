import { invalid, optionalText, parseObject, post, readBody, Refusal, succeed } from "../_shared/http.ts";
import { highest } from "../_shared/semver.ts";
import { connect, type Env, refusalOf, type SupabaseClient } from "../_shared/supabase.ts";

const maxBody = 1 << 20; // bytes
const defaultTimeout = 30; // seconds
const maxTimeout = 120;
/** Between two looks at the pod, in milliseconds: soon at first, then seldom. */
const shortestLook = 50;
const longestLook = 1000;

/** Members that go into the pod's row as they are, by the column that takes them; the database checks them. */
const columns: Record<string, string> = {
  namespace: "namespace",
  args: "args",
  env: "env",
  metadata: "metadata",
  labels: "labels",
  annotations: "annotations",
  nodeSelector: "node_selector",
  tolerations: "tolerations",
  affinity: "affinity",
  priorityClass: "priority_class",
  gracePeriodMs: "grace_period_ms",
  cpu: "cpu",
  memory: "memory",
};
const fields = ["pack", "version", "packId", "timeoutSeconds", "stopOnTimeout", ...Object.keys(columns)];

interface Outcome {
  status: string;
  reason: string;
  message: string;
  result: unknown;
}

/** Makes the handler. It acts as the caller: what they may not see or run, it does not either. */
export function invoke(env: Env): (request: Request) => Promise<Response> {
  return post("invoke", async (request) => {
    const token = /^Bearer +(\S+)$/i.exec(request.headers.get("authorization") ?? "")?.[1];
    if (token === undefined) {
      throw new Refusal(401, "UNAUTHORIZED", "a token is needed", { hint: "Log in, and send Authorization: Bearer <access token>." });
    }
    const given = parseObject(await readBody(request, maxBody), fields);
    const timeout = secondsOf(given.timeoutSeconds);
    const deadline = performance.now() + 1000 * timeout;
    const db = connect(env, token);

    const row: Record<string, unknown> = { pack_id: await packOf(db, given) };
    for (const [field, column] of Object.entries(columns)) {
      if (given[field] !== undefined) row[column] = given[field];
    }
    const { data: pod, error } = await db.from("pods").insert(row).select("id").single<{ id: string }>();
    if (error) throw refusalOf(error, "start the pod");
    const outcome = await wait(db, pod.id, deadline, request.signal);
    if (outcome !== undefined) return report(pod.id, outcome);
    if (given.stopOnTimeout === true) {
      const { error } = await db.from("pods").update({ desired_state: "stopped" }).eq("id", pod.id);
      if (error) console.error("invoke: stop pod", pod.id, error);
    }
    throw new Refusal(504, "TIMEOUT", `the pod has not ended within ${timeout} s`, {
      podId: pod.id,
      hint: "It goes on unless stopOnTimeout was true: look it up by its id.",
    });
  });
}

function secondsOf(value: unknown): number {
  if (value === undefined) return defaultTimeout;
  if (typeof value !== "number" || !(value > 0 && value <= maxTimeout)) {
    throw invalid("timeoutSeconds", `must be more than 0 and at most ${maxTimeout}`);
  }
  return value;
}

/** The pack that is named: by id, or by name and version, of those that the caller sees. */
async function packOf(db: SupabaseClient, given: Record<string, unknown>): Promise<string> {
  const [id, name, version] = [optionalText(given, "packId"), optionalText(given, "pack"), optionalText(given, "version", "latest")];
  if ((id === "") === (name === "")) throw invalid("pack", "name the pack with pack and version, or with packId");
  if (id !== "") return id;
  const { data, error } = await db.from("packs").select("id, version").eq("name", name).returns<{ id: string; version: string }[]>();
  if (error) throw refusalOf(error, "find the pack");
  const pack = version === "latest" ? highest(data) : data.find((p) => p.version === version);
  if (pack === undefined) throw invalid(data.length > 0 ? "version" : "pack", `there is no pack ${name}@${version} that you may run`);
  return pack.id;
}

/** Waits until the pod has ended; undefined when it has not by the deadline, or when nobody waits for the answer any more. */
async function wait(db: SupabaseClient, id: string, deadline: number, signal: AbortSignal): Promise<Outcome | undefined> {
  for (let pause = shortestLook;; pause = Math.min(1.5 * pause, longestLook)) {
    const { data, error } = await db.from("pods").select("status, reason, message, result").eq("id", id).maybeSingle<Outcome>();
    if (error) throw refusalOf(error, `look at pod ${id}`);
    if (data === null) throw new Refusal(404, "NOT_FOUND", "the pod was deleted", { podId: id });
    if (data.status === "stopped" || data.status === "failed") return data;
    const left = deadline - performance.now();
    if (left <= 0 || signal.aborted) return undefined;
    await new Promise((resolve) => setTimeout(resolve, Math.min(pause, left)));
  }
}

function report(podId: string, { status, reason, message, result }: Outcome): Response {
  if (status === "stopped" && reason === "completed") return succeed({ podId, result });
  throw new Refusal(502, "POD_FAILED", message || `the pod ${status}: ${reason}`, { podId, reason });
}
