import assert from "node:assert/strict";
import { test } from "node:test";
import type { LoadedBundle, PackContext, PackIdentity } from "../../core/pack/contract.ts";
import type { WorkerMessage } from "../../core/pack/messages.ts";
import { parseWorkerMessage } from "../../core/pack/messages.ts";
import { NO_ENTRY, PackRunner } from "../../core/pack/runner.ts";
import { encodeResult, MAX_RESULT_BYTES, MAX_RESULT_DEPTH } from "../../core/result.ts";
import { deferred, settle } from "../support/fakes.ts";

const identity: PackIdentity = {
  podId: "p",
  podName: "hello-1",
  packId: "k",
  packName: "hello",
  packVersion: "1.0.0",
  runtimeTag: "universal",
  namespace: "default",
  incarnation: 1,
  env: { A: "b" },
  args: [1],
  metadata: { m: true },
};

type Entry = (context: PackContext<AbortSignal>) => unknown;

function run(loaded: LoadedBundle | Error) {
  const posted: WorkerMessage[] = [];
  const logged: unknown[][] = [];
  const controller = new AbortController();
  const silent = () => {};
  const runner = new PackRunner(
    {
      load: () => (loaded instanceof Error ? Promise.reject(loaded) : Promise.resolve(loaded)),
      post: (message) => void posted.push(message),
      signal: controller.signal,
      abort: (reason) => controller.abort(reason),
      fetch: globalThis.fetch,
      log: { debug: silent, info: silent, warn: silent, error: (...args) => void logged.push(args) },
    },
    identity,
  );
  return { runner, posted, logged, running: runner.run() };
}

const esm = (entry: Entry | object): LoadedBundle => ({ kind: "esm", namespace: { default: entry } });

for (const [what, loaded] of Object.entries<LoadedBundle>({
  "export default f": esm(() => 1),
  "export default {start}": esm({ start: () => 1 }),
  "a CommonJS module inside an ES module": esm({ default: () => 1 }),
  "module.exports = f": { kind: "commonjs", exports: () => 1 },
  "module.exports = {start}": { kind: "commonjs", exports: { start: () => 1 } },
  "module.exports.default = f": { kind: "commonjs", exports: { default: () => 1 } },
  "exports.default = f of a compiled ES module": { kind: "commonjs", exports: { __esModule: true, default: () => 1 } },
})) {
  test(`entry: ${what}`, async () => {
    const { posted, running } = run(loaded);
    await running;
    assert.deepEqual(posted, [{ type: "running" }, { type: "done", result: "1" }]);
  });
}

for (const [what, loaded] of Object.entries<LoadedBundle>({
  "no export at all": { kind: "esm", namespace: {} },
  "only named exports": { kind: "esm", namespace: { start: () => 1 } },
  "a number": esm(7 as unknown as object),
  "an object without start": esm({ stop() {} }),
  "an empty CommonJS module": { kind: "commonjs", exports: {} },
})) {
  test(`no entry: ${what}`, async () => {
    const { posted, running } = run(loaded);
    await running;
    assert.deepEqual(posted, [{ type: "failed", reason: "import_error", message: NO_ENTRY }]);
  });
}

test("the context says who the pod is", async () => {
  let seen: PackContext<AbortSignal> | undefined;
  const { running } = run(esm((context) => void (seen = context)));
  await running;
  assert.ok(seen);
  const { log, fetch, signal, onShutdown, storage, progress, ...rest } = seen;
  assert.deepEqual(rest, identity);
  assert.equal(signal.aborted, false);
  for (const given of [log.info, fetch, onShutdown, storage.get, progress]) assert.equal(typeof given, "function");
});

test("a bundle that throws while it is loaded", async () => {
  const { posted, running } = run(new TypeError("no such thing"));
  await running;
  assert.equal(posted.length, 1);
  assert.ok(
    posted[0]?.type === "failed" &&
      posted[0].reason === "import_error" &&
      posted[0].message.startsWith("TypeError: no such thing\n    at "),
  );
});

test("a pack that throws or rejects has crashed, and why is said to the last cause", async () => {
  const { posted, running } = run(esm(() => Promise.reject(new Error("outer", { cause: new Error("inner") }))));
  await running;
  const [, failed] = posted;
  assert.ok(failed?.type === "failed" && failed.reason === "crashed");
  assert.match(failed.message, /^Error: outer[^]*Caused by: Error: inner/);
});

test("an object with stop runs until it is stopped, and so does what returns one", async () => {
  const calls: string[] = [];
  const object = {
    name: "it",
    start() {
      calls.push(`start ${this.name}`);
    },
    stop() {
      calls.push(`stop ${this.name}`);
    },
  };
  for (const entry of [object, () => (object.start(), object)]) {
    const { posted, running, runner } = run(esm(entry));
    await running;
    assert.deepEqual(posted, [{ type: "running" }]);
    await runner.stop("stopped_by_user");
    assert.deepEqual(posted, [{ type: "running" }, { type: "done" }]);
  }
  assert.deepEqual(calls, ["start it", "stop it", "start it", "stop it"]);
});

test("stop: handlers run last to first, are awaited, and a failing one is told of without stopping the rest", async () => {
  const calls: string[] = [];
  const { posted, logged, runner } = run(
    esm(({ onShutdown }) => {
      onShutdown(() => calls.push("first added"));
      onShutdown(() => {
        throw new Error("broken");
      });
      onShutdown(async () => {
        await settle();
        calls.push("last added");
      });
      return new Promise(() => {});
    }),
  );
  await settle();
  await runner.stop("stopped_by_user");
  assert.deepEqual(calls, ["last added", "first added"]);
  const done = posted.at(-1);
  assert.ok(done?.type === "done" && done.message?.startsWith("a shutdown handler failed: Error: broken"));
  assert.equal(logged.length, 1);
});

test("stop: a pack that took the signal is waited for, and its result counts", async () => {
  const { posted, runner } = run(
    esm(({ signal }) => new Promise((resolve) => signal.addEventListener("abort", () => setImmediate(resolve, signal.reason)))),
  );
  await settle();
  await runner.stop("evicted");
  assert.deepEqual(posted.at(-1), { type: "done", result: '"evicted"' });
});

test("stop: ending with an AbortError is no crash", async () => {
  const { posted, runner } = run(
    esm(({ signal }) => new Promise((_, reject) => signal.addEventListener("abort", () => reject(new Error("aborted"))))),
  );
  await settle();
  await runner.stop("stopped_by_user");
  assert.deepEqual(posted.at(-1), { type: "done" });
});

test("stop while the bundle is loaded: its entry is never called", async () => {
  const loading = deferred<LoadedBundle>();
  const posted: WorkerMessage[] = [];
  let called = false;
  const log = { debug() {}, info() {}, warn() {}, error() {} };
  const runner = new PackRunner(
    { load: () => loading.promise, post: (message) => void posted.push(message), signal: {}, abort() {}, fetch, log },
    identity,
  );
  const running = runner.run();
  await runner.stop("stopped_by_user");
  loading.resolve(esm(() => (called = true)));
  await running;
  assert.equal(called, false);
  assert.deepEqual(posted, [{ type: "done" }]);
});

test("results: what JSON and Postgres can hold is kept, for the rest a sentence says why not", () => {
  assert.deepEqual(encodeResult({ a: [1, "é"] }), { json: '{"a":[1,"é"]}' });
  assert.deepEqual(encodeResult(undefined), {});
  assert.deepEqual(
    encodeResult(() => 1),
    {},
  );
  assert.deepEqual(encodeResult("nul\u0000"), { json: '"nul\ufffd"' });
  assert.match(encodeResult(10n).note ?? "", /it is not JSON/);
  assert.match(encodeResult("x".repeat(MAX_RESULT_BYTES)).note ?? "", /at most 65536 are kept/);
  let deep: unknown = 1;
  for (let i = 0; i <= MAX_RESULT_DEPTH; i++) deep = [deep];
  assert.match(encodeResult(deep).note ?? "", /nested deeper than 256/);
});

test("messages of a worker are checked: a pack can forge them", () => {
  for (const forged of [
    null,
    "done",
    [],
    {},
    { type: "gone" },
    { type: "output", stream: "system", text: "", at: 1 },
    { type: "output", stream: "stdout", text: 1, at: 1 },
    { type: "output", stream: "stdout", text: "", at: 8e15 },
    { type: "output", stream: "stdout", text: "", at: NaN },
    { type: "output", stream: "stdout", text: "", at: -1 },
    { type: "failed", reason: "digest_mismatch", message: "" },
    { type: "failed", reason: "crashed" },
  ])
    assert.equal(parseWorkerMessage(forged), undefined, JSON.stringify(forged));
  assert.deepEqual(parseWorkerMessage({ type: "output", stream: "stdout", text: "x", at: 1, dropped: -5 }), {
    type: "output",
    stream: "stdout",
    text: "x",
    at: 1,
  });
  assert.deepEqual(parseWorkerMessage({ type: "done", result: {}, message: 4 }), { type: "done" });
});
