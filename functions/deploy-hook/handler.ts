import { invalid, optionalText, parseObject, post, readBody, Refusal, succeed, text } from "../_shared/http.ts";
import { hex, signatureHeader, verify } from "../_shared/signature.ts";
import { connect, type Env, need, refusalOf, type SupabaseClient } from "../_shared/supabase.ts";

const maxBody = 16 << 20; // bytes
const fields = ["pack", "version", "runtimeTag", "visibility", "description", "metadata", "bundle", "deployments"] as const;

/** What may be said of a deployment that is made when it is not there, and the columns that hold it. */
const creatable: Record<string, string> = {
  mode: "mode",
  replicas: "replicas",
  followLatest: "follow_latest",
  spec: "spec",
  strategy: "strategy",
  labels: "labels",
};

/** The annotation that says of which delivery a deployment's pack is: an older one, sent again, does not take it back. */
const deliveredAt = "stark.dev/deploy-hook-at";

interface Delivery {
  pack: string;
  version: string;
  runtimeTag: string;
  visibility: string;
  description: string;
  metadata: unknown;
  /** The JavaScript itself; undefined when the version is registered already. */
  bundle: string | undefined;
  deployments: Target[];
}

interface Target {
  namespace: string;
  name: string;
  /** The columns that it is made with when it is not there; undefined when it must be there. */
  create: Record<string, unknown> | undefined;
}

/** What a pack version is to a caller. */
interface Pack {
  id: string;
  name: string;
  version: string;
  bundle_sha256: string;
}

interface Deployment {
  id: string;
  pack_id: string;
  annotations: Record<string, string>;
  revision: number;
}

/**
 * Makes the handler. It acts as the service user of STARK_HOOK_EMAIL under row-level security, and only writes rows: the server hears of them
 * through the WAL. Each delivery may come any number of times.
 */
export function deployHook(env: Env, now = () => Date.now()): (request: Request) => Promise<Response> {
  const account = new Account(env, now);
  return post("deploy-hook", async (request) => {
    const secrets = need(env, "STARK_HOOK_SECRET").split(",").map((s) => s.trim()).filter((s) => s !== "");
    if (secrets.length === 0 || secrets.some((s) => s.length < 16)) throw new Error("STARK_HOOK_SECRET must have at least 16 characters");
    const body = await readBody(request, maxBody);
    const at = await verify(secrets, request.headers.get(signatureHeader), body, Math.floor(now() / 1000));
    if (at === undefined) {
      throw new Refusal(401, "UNAUTHORIZED", "the signature does not count", {
        hint: "Sign as docs/functions.md says, not more than five minutes ago.",
      });
    }
    const delivery = parse(body);
    const { db, userId } = await account.session();
    const { pack, created } = await packOf(db, userId, delivery);
    const deployments = [];
    for (const target of delivery.deployments) {
      deployments.push({ namespace: target.namespace, name: target.name, ...await deploy(db, target, pack, at) });
    }
    return succeed(
      { pack: { id: pack.id, name: pack.name, version: pack.version, bundleSha256: pack.bundle_sha256 }, created, deployments },
      created ? 201 : 200,
    );
  });
}

function parse(body: Uint8Array): Delivery {
  const given = parseObject(body, fields);
  const list = given.deployments ?? [];
  if (!Array.isArray(list)) throw invalid("deployments", "must be an array");
  return {
    pack: text(given, "pack"),
    version: text(given, "version"),
    runtimeTag: optionalText(given, "runtimeTag", "universal"),
    visibility: optionalText(given, "visibility", "private"),
    description: optionalText(given, "description"),
    metadata: given.metadata ?? {},
    bundle: given.bundle === undefined ? undefined : text(given, "bundle"),
    deployments: list.map((entry: unknown, i) => targetOf(entry, `deployments[${i}]`)),
  };
}

function targetOf(entry: unknown, field: string): Target {
  const { namespace = "default", name, create, ...rest } = (entry ?? {}) as Record<string, unknown>;
  if (typeof namespace !== "string" || typeof name !== "string" || name === "" || Object.keys(rest).length > 0) {
    throw invalid(field, `must be {"namespace", "name", "create"}`);
  }
  if (create === undefined) return { namespace, name, create };
  if (typeof create !== "object" || create === null || Array.isArray(create)) throw invalid(`${field}.create`, "must be an object");
  const columns: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(create)) {
    if (!Object.hasOwn(creatable, key)) throw invalid(`${field}.create.${key}`, `unknown field; known are ${Object.keys(creatable).join(", ")}`);
    columns[creatable[key]!] = value;
  }
  return { namespace, name, create: columns };
}

/** The service user's session, kept until it is about to expire. */
class Account {
  #session: { db: SupabaseClient; userId: string; until: number } | undefined;

  constructor(private readonly env: Env, private readonly now: () => number) {}

  async session(): Promise<{ db: SupabaseClient; userId: string }> {
    if (this.#session === undefined || this.#session.until < this.now() / 1000 + 60) {
      const { data, error } = await connect(this.env).auth.signInWithPassword({
        email: need(this.env, "STARK_HOOK_EMAIL"),
        password: need(this.env, "STARK_HOOK_PASSWORD"),
      });
      if (error) throw new Error(`log in as STARK_HOOK_EMAIL: ${error.message}`);
      const { access_token: token, expires_at: until = 0, user } = data.session;
      this.#session = { db: connect(this.env, token), userId: user.id, until };
    }
    return this.#session;
  }
}

async function find(db: SupabaseClient, delivery: Delivery): Promise<Pack | null> {
  const { data, error } = await db.from("packs").select("id, name, version, bundle_sha256")
    .eq("name", delivery.pack).eq("version", delivery.version).maybeSingle();
  if (error) throw refusalOf(error, "find the pack");
  return data;
}

/** The version that the delivery is about: registered now, or before with the very same bundle. */
async function packOf(db: SupabaseClient, userId: string, delivery: Delivery): Promise<{ pack: Pack; created: boolean }> {
  const known = await find(db, delivery);
  const label = `${delivery.pack}@${delivery.version}`;
  if (delivery.bundle === undefined) {
    if (known === null) throw new Refusal(404, "NOT_FOUND", `${label} is not registered`, { field: "bundle", hint: "Send the bundle." });
    return { pack: known, created: false };
  }
  const code = new TextEncoder().encode(delivery.bundle);
  const sha256 = hex(new Uint8Array(await crypto.subtle.digest("SHA-256", code)));
  if (known !== null) return { pack: same(known, sha256, label), created: false };

  const path = `${userId}/${delivery.pack}/${delivery.version}/${sha256.slice(0, 16)}.js`;
  await upload(db, path, code);
  const { data, error } = await db.from("packs").insert({
    name: delivery.pack,
    version: delivery.version,
    runtime_tag: delivery.runtimeTag,
    visibility: delivery.visibility,
    description: delivery.description,
    metadata: delivery.metadata,
    bundle_path: path,
    bundle_sha256: sha256,
    bundle_size: code.byteLength,
  }).select("id, name, version, bundle_sha256").single();
  if (error) {
    const meanwhile = error.code === "23505" ? await find(db, delivery) : null;
    if (meanwhile !== null) return { pack: same(meanwhile, sha256, label), created: false };
    throw refusalOf(error, `register ${label}`);
  }
  return { pack: data, created: true };
}

async function upload(db: SupabaseClient, path: string, code: Uint8Array<ArrayBuffer>): Promise<void> {
  const { error } = await db.storage.from("packs").upload(path, code, { contentType: "text/javascript" });
  if (error === null) return;
  // Storage says in the body what went wrong; its HTTP status is 400, whatever it is.
  const status = String((error as { statusCode?: unknown }).statusCode ?? "");
  // The path carries the digest: an earlier delivery uploaded these very bytes and got no further.
  if (status === "409") return;
  if (status === "403") {
    throw new Refusal(403, "FORBIDDEN", `upload the bundle: ${error.message}`, { hint: "The service user needs the role developer." });
  }
  if (status === "413") throw new Refusal(413, "PAYLOAD_TOO_LARGE", `upload the bundle: ${error.message}`);
  throw new Error(`upload the bundle: ${status} ${error.message}`);
}

function same(pack: Pack, sha256: string, label: string): Pack {
  if (pack.bundle_sha256 !== sha256) {
    throw new Refusal(409, "CONFLICT", `${label} is registered already with another bundle`, {
      field: "version",
      hint: "A version never changes: raise it.",
    });
  }
  return pack;
}

/** Moves a deployment to a pack, or makes it. Neither is so when it is there already. */
async function deploy(db: SupabaseClient, target: Target, pack: Pack, at: number): Promise<{ updated: boolean; created: boolean }> {
  const { namespace, name, create } = target;
  const label = `deployment ${namespace}/${name}`;
  for (let attempt = 0; attempt < 5; attempt++) {
    const { data, error } = await db.from("deployments").select("id, pack_id, annotations, revision")
      .eq("namespace", namespace).eq("name", name).maybeSingle<Deployment>();
    if (error) throw refusalOf(error, label);
    if (data === null && create === undefined) {
      throw new Refusal(404, "NOT_FOUND", `there is no ${label}`, {
        field: "deployments",
        hint: `Make it, or say with "create" how it is made.`,
      });
    }
    if (data === null) {
      const { error: refused } = await db.from("deployments")
        .insert({ ...create, namespace, name, pack_id: pack.id, annotations: { [deliveredAt]: String(at) } });
      if (refused === null) return { updated: false, created: true };
      if (refused.code === "23505") continue; // somebody else made it meanwhile
      throw refusalOf(refused, `make ${label}`);
    }
    if (data.pack_id === pack.id) return { updated: false, created: false };
    // The same delivery again does not undo what people have done since.
    if (Number(data.annotations[deliveredAt] ?? 0) >= at) {
      throw new Refusal(409, "CONFLICT", `${label} was moved by this delivery or a later one before`);
    }
    const { data: changed, error: refused } = await db.from("deployments")
      .update({ pack_id: pack.id, annotations: { ...data.annotations, [deliveredAt]: String(at) } })
      .eq("id", data.id).eq("revision", data.revision).select("id");
    if (refused) throw refusalOf(refused, label);
    if (changed.length > 0) return { updated: true, created: false };
    const { data: after } = await db.from("deployments").select("revision").eq("id", data.id).maybeSingle<{ revision: number }>();
    if (after !== null && after.revision === data.revision) throw new Refusal(403, "FORBIDDEN", `the service user may not change ${label}`);
  }
  throw new Refusal(409, "CONFLICT", `${label} keeps being changed by others; send it again`);
}
