/** How a pod comes to run, and how it comes to its end by itself. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeAgentFrame } from "../../core/frame.ts";
import { START_TIMEOUT_MS } from "../../core/pod.ts";
import type { WorkerExit, HttpResponse } from "../../core/ports.ts";
import type { WorkerMessage } from "../../core/pack/messages.ts";
import { answer, deferred, settle, START } from "../support/fakes.ts";
import { golden } from "../support/goldens.ts";
import {
  acknowledge,
  assign,
  deliver,
  INCARNATION,
  OTHER,
  POD,
  registered,
  running,
  statuses,
  stop,
  world,
  register,
} from "../support/world.ts";

test("the frames of a whole life are the golden ones", async () => {
  const w = world();
  w.agent.start();
  await settle();
  await register(w);
  await assign(w);
  await acknowledge(w, "starting");
  const worker = w.workers.last;
  await worker.post({ type: "running" });
  await acknowledge(w, "running");
  await worker.print("hello\n", START);
  await worker.post({ type: "done", result: JSON.stringify({ answer: 42, list: [1, null, "três"] }) });
  await worker.exit();
  await acknowledge(w, "stopped");
  w.agent.shutdown("SIGTERM");
  await settle();
  const payloads = w.socket.sent.map((text) => decodeAgentFrame(text)).map(({ type, payload }) => [type, payload]);
  const register_ = { ...golden("agent/node-register.holding").payload, pods: [] };
  const logs = golden("agent/pod-logs").payload as { lines: unknown[] };
  assert.deepEqual(payloads.slice(1), [
    ["node:register", register_],
    ["pod:status", golden("agent/pod-status.starting").payload],
    ["pod:status", golden("agent/pod-status.running").payload],
    ["pod:logs", { ...logs, lines: logs.lines.slice(0, 1) }],
    ["pod:status", golden("agent/pod-status.completed").payload],
    ["node:disconnect", golden("agent/node-disconnect").payload],
  ]);
  assert.deepEqual({ ...golden("agent/auth-authenticate").payload, token: "" }, { ...(payloads[0]?.[1] as object), token: "" });
});

test("registration and heartbeat say what the node is and does", async () => {
  const w = await running();
  await w.clock.advance(10_000);
  assert.deepEqual(w.socket.last("node:heartbeat"), golden("agent/node-heartbeat").payload);
  const said = w.log.lines.find(({ message }) => message === "registered");
  assert.deepEqual([said?.fields?.["node"], said?.fields?.["nodeId"]], ["worker-1", golden("server/node-registered").payload["nodeId"]]);
});

test("nothing of a pack runs before the claim is accepted", async () => {
  const w = await registered();
  await assign(w);
  assert.deepEqual(statuses(w), ["starting"]);
  await w.clock.advance(10_000);
  assert.equal(w.http.requests.length, 2, "the bundle is fetched meanwhile");
  assert.equal(w.workers.started.length, 0);
  await acknowledge(w, "starting");
  const { spec } = w.workers.last;
  assert.equal(Buffer.from(spec.bundle).toString(), "hello");
  assert.equal(spec.memoryBytes, 134_217_728);
  assert.deepEqual(spec.identity, {
    podId: POD,
    podName: "hello-7d0f4c1e5b0a",
    packId: "e94b20f7-6d15-4a38-8c72-1b5f9d03a6c8",
    packName: "hello",
    packVersion: "1.2.0",
    runtimeTag: "universal",
    namespace: "default",
    incarnation: INCARNATION,
    env: { GREETING: "hello" },
    args: ["one", 2, { three: 3 }],
    metadata: { team: "blue" },
  });
});

for (const code of ["STALE_INCARNATION", "POD_NOT_FOUND", "ILLEGAL_TRANSITION"]) {
  test(`a claim that is refused with ${code} ends without a word`, async () => {
    const w = await registered();
    await assign(w);
    statuses(w);
    await acknowledge(w, "starting", { accepted: false, code });
    await w.clock.advance(60_000);
    assert.deepEqual(statuses(w), []);
    assert.equal(w.workers.started.length, 0);
    assert.equal(w.agent.podCount, 0);
  });
}

test("the same assignment again changes nothing, before and after the claim", async () => {
  const w = await registered();
  await assign(w);
  await assign(w);
  await acknowledge(w, "starting");
  await acknowledge(w, "starting");
  await assign(w);
  await assign(w, { incarnation: INCARNATION - 1 });
  assert.deepEqual(statuses(w), ["starting"]);
  assert.equal(w.workers.started.length, 1);
});

test("a pod that has ended does not start again while its end is not acknowledged", async () => {
  const w = await running();
  await w.workers.last.post({ type: "done" });
  await w.workers.last.exit();
  await assign(w);
  assert.deepEqual(statuses(w), ["stopped completed"]);
  assert.equal(w.workers.started.length, 1);
});

test("an end is reported only when the worker is gone, with its last lines before it", async () => {
  const w = await running();
  await w.workers.last.print("an unfinished line", START + 5);
  await w.workers.last.post({ type: "done", result: "1", message: "well" });
  assert.equal(w.workers.last.terminated, true);
  assert.deepEqual(w.socket.news(), []);
  await w.workers.last.exit();
  const [logs, status] = w.socket.news();
  assert.deepEqual((logs?.payload as { lines: unknown }).lines, [
    { at: new Date(START + 5).toISOString(), stream: "stdout", text: "an unfinished line" },
  ]);
  assert.deepEqual(status, {
    type: "pod:status",
    payload: {
      podId: POD,
      incarnation: INCARNATION,
      status: "stopped",
      reason: "completed",
      result: 1,
      message: "well",
      at: new Date(START).toISOString(),
    },
  });
});

const ends: [what: string, message: WorkerMessage | undefined, exit: WorkerExit, status: string, says: RegExp][] = [
  [
    "a rejected promise",
    { type: "failed", reason: "crashed", message: "Error: no" },
    { kind: "exit", code: 1 },
    "failed crashed",
    /^Error: no$/,
  ],
  ["an uncaught error", undefined, { kind: "error", error: new Error("loose") }, "failed crashed", /^Error: loose\n {4}at /],
  ["too little memory", undefined, { kind: "oom", message: "it ran into its memory limit of 128 MiB" }, "failed oom", /128 MiB/],
  ["process.exit(0)", undefined, { kind: "exit", code: 0 }, "stopped completed", /exited with code 0/],
  ["process.exit(3)", undefined, { kind: "exit", code: 3 }, "failed crashed", /exited with code 3/],
];
for (const [what, message, exit, status, says] of ends) {
  test(`a running pod ends by ${what}: ${status}`, async () => {
    const w = await running();
    if (message) await w.workers.last.post(message);
    await w.workers.last.exit(exit);
    assert.match(w.socket.last("pod:status").message ?? "", says);
    assert.deepEqual(statuses(w), [status]);
    if (status.startsWith("failed"))
      assert.match(
        w.socket
          .last("pod:logs")
          .lines.map(({ text }) => text)
          .join("\n"),
        says.source.startsWith("^") ? new RegExp(says.source.slice(1).replace("$", "")) : says,
      );
  });
}

const loadingEnds: [what: string, message: WorkerMessage | undefined, exit: WorkerExit][] = [
  ["what it says itself", { type: "failed", reason: "import_error", message: "SyntaxError: no" }, { kind: "exit", code: 1 }],
  ["an uncaught error", undefined, { kind: "error", error: new Error("loose") }],
  ["process.exit(0)", undefined, { kind: "exit", code: 0 }],
];
for (const [what, message, exit] of loadingEnds) {
  test(`a pod that ends while it is loaded by ${what}: import_error`, async () => {
    const w = await registered();
    await assign(w);
    await acknowledge(w, "starting");
    if (message) await w.workers.last.post(message);
    await w.workers.last.exit(exit);
    assert.deepEqual(statuses(w), ["starting", "failed import_error"]);
  });
}

test("a pack for another runtime is not fetched", async () => {
  const w = await registered();
  const pack = golden("server/pod-assign").payload["pack"] as object;
  await assign(w, { pack: { ...pack, runtimeTag: "browser" } });
  assert.deepEqual(statuses(w), ["failed runtime_unsupported"]);
  assert.equal(w.http.requests.length, 0);
});

test("a bundle that is not the registered one, and one that is not there", async () => {
  const w = await registered();
  w.http.handler = deliver(() => answer(200, "hallo"));
  await assign(w);
  await acknowledge(w, "starting");
  assert.deepEqual(statuses(w), ["starting", "failed digest_mismatch"]);

  const gone = await registered();
  gone.http.handler = () => answer(404, { message: "Object not found" });
  await assign(gone);
  await acknowledge(gone, "starting");
  await gone.clock.advance(9_000);
  assert.deepEqual(statuses(gone), ["starting", "failed bundle_unavailable"]);
  assert.equal(gone.workers.started.length, 0);
});

test("a failed fetch waits for the claim: a refused one has nothing to report", async () => {
  const w = await registered();
  w.http.handler = deliver(() => answer(200, "hallo"));
  await assign(w);
  assert.deepEqual(statuses(w), ["starting"]);
  await acknowledge(w, "starting", { accepted: false, code: "STALE_INCARNATION" });
  assert.deepEqual(statuses(w), []);
});

test("a pack that does not come to run in time", async () => {
  const w = await registered();
  await assign(w);
  await acknowledge(w, "starting");
  await w.clock.advance(START_TIMEOUT_MS - 1);
  await w.socket.sayGolden("node-heartbeat-ack");
  assert.equal(w.workers.last.terminated, false);
  await w.clock.advance(1);
  assert.equal(w.workers.last.terminated, true);
  await w.workers.last.post({ type: "running" }); // too late
  await w.workers.last.exit();
  assert.deepEqual(statuses(w), ["starting", "failed start_timeout"]);
});

test("a pack that runs has no such limit", async () => {
  const w = await running();
  for (let beat = 0; beat < 10; beat++) {
    await w.clock.advance(10_000);
    await w.socket.sayGolden("node-heartbeat-ack");
  }
  assert.equal(w.workers.last.terminated, false);
  assert.deepEqual(statuses(w), []);
});

test("a worker that cannot be started", async () => {
  const w = await registered();
  w.workers.failure = new Error("no threads left");
  await assign(w);
  await acknowledge(w, "starting");
  assert.match(w.socket.last("pod:status").message ?? "", /no worker could be started: no threads left/);
  assert.deepEqual(statuses(w), ["starting", "failed crashed"]);
});

test("what a pack forges concerns itself alone", async () => {
  const w = await running();
  await w.workers.last.post({ type: "running" });
  await w.workers.last.post({ type: "output", stream: "stdout", text: "x\n", at: START, dropped: Number.MAX_SAFE_INTEGER });
  await w.workers.last.post({ type: "done", result: "[".repeat(10_000), message: "m\u0000".repeat(10_000) });
  await w.workers.last.exit();
  const status = w.socket.last("pod:status");
  assert.equal(status.result, undefined);
  assert.ok(Buffer.byteLength(status.message ?? "") <= 4096 && !status.message?.includes("\u0000"));
  assert.deepEqual(statuses(w), ["stopped completed"]);

  const deep = await running();
  await deep.workers.last.post({ type: "done", result: `${"[".repeat(300)}${"]".repeat(300)}` });
  await deep.workers.last.exit();
  assert.match(deep.socket.last("pod:status").message ?? "", /nested deeper/);
});

test("lines of several pods go out within a moment, and a loud one does not hold up the others", async () => {
  const w = await running();

  await assign(w, { podId: OTHER, incarnation: 1 });
  await acknowledge(w, "starting", { podId: OTHER, incarnation: 1 });
  const [loud, quiet] = w.workers.started;
  w.socket.news();
  await loud?.print("noise\n".repeat(1_200), START);
  await quiet?.print("word\n", START);
  await w.clock.advance(100);
  const order = w.socket
    .news()
    .map(({ payload }) => payload as { podId: string; lines: unknown[] })
    .map(({ podId, lines }) => `${podId === OTHER ? "quiet" : "loud"} ${lines.length}`);
  assert.deepEqual(order, ["loud 500", "quiet 1", "loud 500", "loud 200"]);
});

test("a socket that does not drain makes lines wait, not statuses", async () => {
  const w = await running();
  w.socket.bufferedBytes = 2 << 20;
  await w.workers.last.print("one\n", START);
  await w.clock.advance(1_000);
  assert.deepEqual(w.socket.news(), []);
  w.socket.bufferedBytes = 0;
  await w.clock.advance(100);
  assert.deepEqual(
    w.socket.news().map(({ type }) => type),
    ["pod:logs"],
  );
  w.socket.bufferedBytes = 2 << 20;
  await w.workers.last.print("two\n", START);
  await stop(w, "stopped_by_user", { gracePeriodMs: 0 });
  await w.workers.last.exit();
  assert.deepEqual(
    w.socket.news().map(({ type }) => type),
    ["pod:status", "pod:logs", "pod:status"],
  );
});

test("pods of one pack share one fetch", async () => {
  const w = await registered();
  const download = deferred<HttpResponse>();
  w.http.handler = deliver(() => download.promise);
  await assign(w);
  await assign(w, { podId: OTHER });
  download.resolve(answer(200, "hello"));
  await settle();
  assert.equal(w.http.requests.length, 2);
});
