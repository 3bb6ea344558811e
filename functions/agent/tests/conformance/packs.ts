/** Packs that every runtime must run alike, and what must become of them. */
import type { Assignment, StatusReport } from "../../core/protocol.ts";
import type { AgentConnection, FakeServer } from "../support/server.ts";

export interface Case {
  name: string;
  code: string;
  changes?: Partial<Assignment>;
  /** What is done with it before its end. */
  drive?: (connection: AgentConnection, pod: Assignment) => Promise<void>;
  expect: Transcript;
}

/** What is seen of a pod from outside. A message's stack is left out: frames are the runtime's own. */
export interface Transcript {
  statuses: string[];
  message?: string;
  result?: unknown;
  stdout?: string[];
  stderr?: string[];
  system?: string[];
}

export function transcriptOf(connection: AgentConnection, podId: string): Transcript {
  const reports = connection.payloads("pod:status").filter((report) => report.podId === podId);
  const end = reports.at(-1);
  const lines = (stream: string) =>
    connection
      .lines(podId)
      .filter((line) => line.stream === stream && !/^ {4}at /.test(line.text))
      .map(({ text }) => text);
  const [stdout, stderr, system] = [lines("stdout"), lines("stderr"), lines("system")];
  return {
    statuses: reports.map(({ status, reason }) => (reason === undefined ? status : `${status} (${reason})`)),
    ...(end?.message === undefined ? {} : { message: end.message.split("\n    at ")[0] ?? "" }),
    ...(end?.result === undefined ? {} : { result: end.result }),
    ...(stdout.length > 0 ? { stdout } : {}),
    ...(stderr.length > 0 ? { stderr } : {}),
    ...(system.length > 0 ? { system } : {}),
  };
}

export async function runCase(server: FakeServer, connection: AgentConnection, { code, changes, drive }: Case): Promise<Transcript> {
  const pod = server.pod(code, changes);
  pod.pack.runtimeTag = "universal";
  connection.say("pod:assign", pod);
  await drive?.(connection, pod);
  await connection.ended(pod.podId);
  return transcriptOf(connection, pod.podId);
}

const COMPLETED = ["starting", "running", "stopped (completed)"];
const CRASHED = ["starting", "running", "failed (crashed)"];
const NOT_LOADED = ["starting", "failed (import_error)"];
const STOPPED = ["starting", "running", "stopping (stopped_by_user)", "stopped (stopped_by_user)"];

const stop = (gracePeriodMs: number) => (connection: AgentConnection, pod: Assignment) => {
  connection.say("pod:stop", { podId: pod.podId, incarnation: pod.incarnation, reason: "stopped_by_user", gracePeriodMs });
};

/** Stops the pod as soon as it has written a line. */
const stopAfter =
  (text: string, gracePeriodMs: number) =>
  async (connection: AgentConnection, pod: Assignment): Promise<void> => {
    await connection.line(pod.podId, text);
    stop(gracePeriodMs)(connection, pod);
  };

export const isEnd = ({ status }: StatusReport): boolean => status === "stopped" || status === "failed";

const completes = (name: string, code: string, rest: Partial<Transcript> = {}, changes?: Partial<Assignment>): Case => ({
  name,
  code,
  ...(changes ? { changes } : {}),
  expect: { statuses: COMPLETED, ...rest },
});

const fails = (name: string, code: string, statuses: string[], message: string): Case => ({
  name,
  code,
  expect: { statuses, message, system: `${statuses === CRASHED ? "crashed" : "import_error"}: ${message}`.split("\n") },
});

export const CASES: Case[] = [
  completes(
    "an ES module: context, log, result",
    `const early = await Promise.resolve("top level");
     export default async ({ podName, packName, packVersion, runtimeTag, namespace, env, args, metadata, incarnation, log }) => {
       console.log("hello", early); console.error("oh"); log.info("from %s, %d", "log", 4); log.warn({ careful: true, list: [1, "two"] });
       return { podName, packName, packVersion, runtimeTag, namespace, env, args, metadata, incarnation };
     };`,
    {
      stdout: ["hello top level", "from log, 4"],
      stderr: ["oh", "{ careful: true, list: [ 1, 'two' ] }"],
      result: {
        podName: "hello-1",
        packName: "hello",
        packVersion: "1.0.0",
        runtimeTag: "universal",
        namespace: "default",
        env: { GREETING: "hi" },
        args: ["one", 2],
        metadata: { team: "blue" },
        incarnation: 1,
      },
    },
    { env: { GREETING: "hi" }, args: ["one", 2], metadata: { team: "blue" } },
  ),
  completes("CommonJS: module.exports = f", `module.exports = async ({ args }) => args.length;`, { result: 0 }),
  completes(
    "CommonJS: exports.default of a compiled module",
    `"use strict"; Object.defineProperty(exports, "__esModule", { value: true }); exports.default = () => "compiled";`,
    { result: "compiled" },
  ),
  completes("CommonJS: module.exports.default", `module.exports.default = () => this === undefined;`, { result: false }),
  completes("CommonJS: an object with start", `module.exports = { start() { return typeof require + typeof module; } };`, {
    result: "functionobject",
  }),
  completes("CommonJS: sloppy, with a shebang", `#!/usr/bin/env node\nwith ({ x: "sloppy" }) { module.exports = () => x }`, {
    result: "sloppy",
  }),
  completes("CommonJS that mentions export default", `// export default nothing\nmodule.exports = () => 1; /* import x from "y" */`, {
    result: 1,
  }),
  fails("throws at import", `throw new TypeError("not today"); export default () => {};`, NOT_LOADED, "TypeError: not today"),
  fails("CommonJS that throws at import", `throw new RangeError("not now"); module.exports = 1;`, NOT_LOADED, "RangeError: not now"),
  fails(
    "exports nothing to run",
    `export const start = 1;`,
    NOT_LOADED,
    "the bundle has no default export that can be run: export default a function (context) => …, or an object with start(context)",
  ),
  fails(
    "throws later, while loading",
    `setTimeout(() => { throw new Error("later") }); await new Promise(() => {}); export default () => {};`,
    NOT_LOADED,
    "Error: later",
  ),
  fails("rejects", `export default async () => { throw new TypeError("no") };`, CRASHED, "TypeError: no"),
  fails("throws a string", `export default () => { throw "a string" };`, CRASHED, "a string"),
  fails(
    "throws outside of its promise",
    `export default () => new Promise(() => setTimeout(() => { throw new Error("loose") }));`,
    CRASHED,
    "Error: loose",
  ),
  fails(
    "leaves a rejection unhandled",
    `export default () => { Promise.reject(new Error("left")); return new Promise(() => {}) };`,
    CRASHED,
    "Error: left",
  ),
  {
    name: "an endless loop",
    code: `export default () => { console.log("round and round"); for (;;); };`,
    drive: stopAfter("round", 100),
    expect: { statuses: STOPPED, message: "it did not stop within 100 ms and was terminated", stdout: ["round and round"] },
  },
  {
    name: "an endless loop while it is loaded",
    code: `console.log("loading"); for (;;); export default () => {};`,
    drive: stopAfter("loading", 0),
    expect: { statuses: ["starting", "stopping (stopped_by_user)", "stopped (stopped_by_user)"], stdout: ["loading"] },
  },
  {
    name: "a pack that ignores its stop",
    code: `export default ({ onShutdown }) => { onShutdown(() => new Promise(() => {})); console.log("up"); return new Promise(() => {}); };`,
    drive: stopAfter("up", 100),
    expect: { statuses: STOPPED, message: "it did not stop within 100 ms and was terminated", stdout: ["up"] },
  },
  {
    name: "a graceful stop: signal, handlers, stop()",
    code: `export default {
      start({ onShutdown, signal }) {
        onShutdown(async () => { await new Promise((done) => setTimeout(done, 5)); console.log("handler"); });
        signal.addEventListener("abort", () => console.log("signal", signal.reason.name, signal.reason.message));
        console.log("up");
      },
      stop() { console.log("stop"); },
    };`,
    drive: stopAfter("up", 10_000),
    expect: { statuses: STOPPED, stdout: ["up", "signal AbortError the pod is to stop: stopped_by_user", "handler", "stop"] },
  },
  {
    name: "AbortSignal: the result of a pack that was waited for",
    code: `export default async ({ signal }) => {
      console.log("waiting");
      await new Promise((done) => signal.addEventListener("abort", done, { once: true }));
      return { aborted: signal.aborted, instance: signal instanceof AbortSignal };
    };`,
    drive: stopAfter("waiting", 10_000),
    expect: { statuses: STOPPED, stdout: ["waiting"], result: { aborted: true, instance: true } },
  },
  {
    name: "AbortSignal: a fetch that is aborted is a stop",
    code: `export default async ({ signal, fetch, env }) => { console.log("fetching"); await fetch(env.HANGS, { signal }); };`,
    drive: stopAfter("fetching", 10_000),
    expect: { statuses: STOPPED, stdout: ["fetching"] },
  },
  completes("a large result", `export default () => "x".repeat(64 * 1024 - 2);`, { result: "x".repeat(64 * 1024 - 2) }),
  completes("too large a result", `export default () => "x".repeat(64 * 1024);`, {
    message: "the result was left out: it has 65538 bytes of JSON, at most 65536 are kept",
  }),
  completes("a result that is not JSON", `export default () => 1n;`, {
    message: "the result was left out: it is not JSON (Do not know how to serialize a BigInt)",
  }),
  completes(
    "timers",
    `export default () => new Promise((done) => {
       const order = []; let ticks = 0;
       setTimeout(() => order.push("timeout"), 20);
       queueMicrotask(() => order.push("microtask"));
       Promise.resolve().then(() => order.push("promise"));
       const cancelled = setTimeout(() => order.push("never"), 5); clearTimeout(cancelled);
       const every = setInterval(() => { if (++ticks === 3) { clearInterval(every); setTimeout(() => done({ order, ticks }), 40); } }, 2);
       order.push("now");
     });`,
    { result: { order: ["now", "microtask", "promise", "timeout"], ticks: 3 } },
  ),
  completes("dynamic import", `export default async () => (await import("data:text/javascript,export default 6 * 7")).default;`, {
    result: 42,
  }),
  fails(
    "imports what is not there",
    `export default async () => { try { await import("./nowhere.js") } catch (e) { throw new Error("not there") } };`,
    CRASHED,
    "Error: not there",
  ),
  completes(
    "storage",
    `export default async ({ storage }) => {
       await storage.set("b/2", { deep: [1, null, "ä"] }); await storage.set("a", 0); await storage.set("b/1", "x");
       const refused = [];
       for (const attempt of [() => storage.set("", 1), () => storage.set("k".repeat(121), 1), () => storage.set("f", () => {}),
         () => storage.set("big", "x".repeat(256 * 1024))]) await attempt().catch((error) => refused.push(error.message));
       const seen = [await storage.get("b/2"), await storage.get("a"), await storage.get("none") ?? "nothing", await storage.list(), await storage.list("b/")];
       return { seen, deleted: [await storage.delete("a"), await storage.delete("a")], left: await storage.list(), refused };
     };`,
    {
      result: {
        seen: [{ deep: [1, null, "ä"] }, 0, "nothing", ["a", "b/1", "b/2"], ["b/1", "b/2"]],
        deleted: [true, false],
        left: ["b/1", "b/2"],
        refused: [
          "a key is a string that is not empty",
          "storage: a key has at most 120 bytes, this one has 121",
          "storage keeps JSON: a function, a symbol and undefined are none",
          "storage: a value has at most 262144 bytes of JSON, this one has 262146",
        ],
      },
    },
    { namespace: "storage" },
  ),
  completes(
    "progress",
    `export default ({ progress }) => { progress(0.25, "reading"); progress(0.5); progress(1, "done"); try { progress(2) } catch (e) { return e.message } };`,
    { result: "progress takes a number from 0 to 1", system: ["progress: 25 % reading", "progress: 100 % done"] },
  ),
  completes(
    "what a pack may rely on",
    `export default async () => {
       const names = ["URL", "URLSearchParams", "TextEncoder", "TextDecoder", "AbortController", "AbortSignal", "Blob", "Event", "EventTarget",
         "Headers", "Request", "Response", "FormData", "ReadableStream", "TransformStream", "CompressionStream", "MessageChannel", "WebAssembly",
         "Intl", "structuredClone", "queueMicrotask", "atob", "btoa", "fetch", "performance", "crypto", "console", "setTimeout", "setInterval"];
       const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode("abc")));
       const squeezed = new Blob(["a".repeat(1000)]).stream().pipeThrough(new CompressionStream("gzip"));
       const wasm = await WebAssembly.instantiate(Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 127, 3, 2, 1, 0, 7, 5, 1, 1, 97, 0, 0, 10, 6, 1, 4, 0, 65, 42, 11));
       return { missing: names.filter((name) => typeof globalThis[name] === "undefined"), digest: digest[0], uuid: crypto.randomUUID().length,
         gzip: (await new Response(squeezed).arrayBuffer()).byteLength < 100, wasm: wasm.instance.exports.a() };
     };`,
    { result: { missing: [], digest: 0xba, uuid: 36, gzip: true, wasm: 42 } },
  ),
  completes(
    "console",
    `class Point { constructor() { this.x = 1 } }
     export default () => {
       console.log("%s is %d, %i, %j, 100%%", "a", 1.5, 2.7, { b: 1 }, "and", [1, 2]);
       console.info(new Point(), [new Map([["k", new Set([1])]])], null, undefined, true, 10n, -0, Symbol("s"));
       console.debug({ a: { b: { c: { d: 1 } } }, f() {}, "k-1": "it's" });
       console.log({ one: "a long text that takes room", two: "another long text that takes room", three: "and a third one" });
       console.group("group"); console.warn("in\\nside"); console.groupEnd(); console.assert(1 === 2, "so %s", "what");
       console.count(); console.count(); console.log();
     };`,
    {
      stdout: [
        `a is 1.5, 2, {"b":1}, 100% and [ 1, 2 ]`,
        "Point { x: 1 } [ Map(1) { 'k' => Set(1) { 1 } } ] null undefined true 10n -0 Symbol(s)",
        `{ a: { b: { c: [Object] } }, f: [Function: f], 'k-1': "it's" }`,
        "{",
        "  one: 'a long text that takes room',",
        "  two: 'another long text that takes room',",
        "  three: 'and a third one'",
        "}",
        "group",
        "default: 1",
        "default: 2",
        "",
      ],
      stderr: ["  in", "  side", "Assertion failed: so what"],
    },
  ),
];
