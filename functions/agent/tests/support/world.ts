/** An agent among fakes: a server, a Storage and workers that do what a test says. Ids and times are those of the golden frames. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { Agent } from "../../core/agent.ts";
import type { HttpResponse } from "../../core/ports.ts";
import type { PodStatus, StatusReport } from "../../core/protocol.ts";
import type { SessionEnd } from "../../core/session.ts";
import {
  answer,
  FakeCache,
  FakeKeyValues,
  FakeClock,
  FakeCredentials,
  FakeHttp,
  FakeLogger,
  FakeRandom,
  settle,
  sha256,
  START,
  tokenUntil,
} from "./fakes.ts";
import { golden } from "./goldens.ts";
import { FakeNetwork, type FakeSocket } from "./sockets.ts";
import { FakeWorkers } from "./workers.ts";

export const CODE = "hello";
export const POD = String(golden("server/pod-assign").payload["podId"]);
export const INCARNATION = 3;
/** Another pod. */
export const OTHER = "19f6c7b3-0e84-4d2a-a5b9-6c3d8e71f042";
const registration = golden("agent/node-register").payload as { bootId: string; resources: { cpu: string; memory: string; pods: number } };

export function world() {
  const clock = new FakeClock();
  const random = new FakeRandom();
  const log = new FakeLogger();
  const http = new FakeHttp();
  const cache = new FakeCache();
  const network = new FakeNetwork();
  const workers = new FakeWorkers();
  const storage = new FakeKeyValues();
  const credentials = new FakeCredentials({
    supabaseUrl: "http://supabase.test",
    anonKey: "anon-key",
    accessToken: tokenUntil(START + 48 * 3_600_000),
  });
  http.handler = deliver(() => answer(200, CODE));
  const agent = new Agent(
    {
      clock,
      random,
      log,
      openSocket: network.openSocket,
      http: http.fetch,
      sha256,
      cache,
      credentials,
      workers,
      storage,
      host: { runtimeType: "node", runtimeVersion: "v20.20.2", usage: () => ({ cpuMillis: 120, memoryBytes: 73_400_320 }) },
    },
    { url: "ws://server.test/ws", name: "worker-1", bootId: registration.bootId, resources: registration.resources },
  );
  let end: SessionEnd | undefined;
  void agent.ended.then((reached) => (end = reached));
  return {
    agent,
    clock,
    random,
    log,
    http,
    cache,
    network,
    workers,
    storage,
    get socket(): FakeSocket {
      return network.current;
    },
    end(): SessionEnd | undefined {
      return end;
    },
  };
}

export type World = ReturnType<typeof world>;

/** Storage as it should be, but for the download. */
export function deliver(download: () => HttpResponse | Promise<HttpResponse>): FakeHttp["handler"] {
  return ({ method }) => (method === "POST" ? answer(200, { signedURL: "/signed" }) : download());
}

export async function register(w: World): Promise<void> {
  await w.socket.open();
  await w.socket.sayGolden("auth-authenticated");
  await w.socket.sayGolden("node-registered");
}

/** A world whose agent is registered. */
export async function registered(): Promise<World> {
  const w = world();
  w.agent.start();
  await settle();
  await register(w);
  w.socket.news();
  return w;
}

export async function assign(w: World, changes: Record<string, unknown> = {}): Promise<void> {
  const payload = golden("server/pod-assign").payload as { pack: { bundle: object } };
  const bundle = { ...payload.pack.bundle, sha256: createHash("sha256").update(CODE).digest("hex"), size: CODE.length };
  await w.socket.sayGolden("pod-assign", { pack: { ...payload.pack, bundle }, ...changes });
}

export async function acknowledge(
  w: World,
  status: PodStatus,
  changes: { accepted?: boolean; code?: string; incarnation?: number; podId?: string } = {},
): Promise<void> {
  await w.socket.say("pod:status:ack", { podId: POD, incarnation: INCARNATION, status, accepted: true, ...changes });
}

export async function stop(
  w: World,
  reason: string,
  changes: { incarnation?: number; gracePeriodMs?: number; podId?: string } = {},
): Promise<void> {
  await w.socket.say("pod:stop", { podId: POD, incarnation: INCARNATION, reason, gracePeriodMs: 10_000, ...changes });
}

/** A world with a pod that has said that it runs, and was heard. */
export async function running(): Promise<World> {
  const w = await registered();
  await assign(w);
  await acknowledge(w, "starting");
  await w.workers.last.post({ type: "running" });
  await acknowledge(w, "running");
  w.socket.news();
  return w;
}

/** The statuses among the news of a socket, as `starting`, `failed oom`. */
export function statuses(w: World): string[] {
  return w.socket
    .news()
    .filter(({ type }) => type === "pod:status")
    .map(({ payload }) => payload as StatusReport)
    .map(
      ({ podId, incarnation, status, reason }) =>
        `${podId === POD ? "" : "other "}${incarnation === INCARNATION ? "" : `#${incarnation} `}${status}${reason ? ` ${reason}` : ""}`,
    );
}

/** The connection breaks and the agent comes back on another one. */
export async function reconnect(w: World): Promise<void> {
  const before = w.network.sockets.length;
  await w.socket.end(1006);
  await w.clock.advance(w.clock.nextIn ?? 0);
  for (let timers = 0; w.network.sockets.length === before && timers < 20; timers++) await w.clock.advance(w.clock.nextIn ?? 0);
  assert.equal(w.network.sockets.length, before + 1, "it connected again");
  await w.socket.open();
  await w.socket.sayGolden("auth-authenticated");
}

/** The pack says that it is done, and its worker ends. */
export async function come(w: World): Promise<void> {
  await w.workers.last.post({ type: "done" });
  await w.workers.last.exit();
}
