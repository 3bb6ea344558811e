/** Packs in real worker threads, assigned by a real socket, fetched from a real Storage. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test, type TestContext } from "node:test";
import { Agent } from "../../core/agent.ts";
import type { Clock } from "../../core/ports.ts";
import type { Assignment } from "../../core/protocol.ts";
import { nodeClock, nodeRandom } from "../../node/clock.ts";
import { DiskCache } from "../../node/files.ts";
import { nodeHost } from "../../node/host.ts";
import { httpFetch, sha256 } from "../../node/http.ts";
import { ThreadLauncher } from "../../node/launcher.ts";
import { openSocket } from "../../node/socket.ts";
import { DiskStorage } from "../../node/storage.ts";
import { FakeCredentials, FakeLogger, tokenUntil } from "../support/fakes.ts";
import { FakeServer, type AgentConnection } from "../support/server.ts";

const WORKER = { url: new URL("../../node/worker/main.js", import.meta.url) };
const LIMIT = { timeout: 30_000, concurrency: true };

/** An agent on this platform; `clock` may be another. */
async function startAgent(
  server: FakeServer,
  home: string,
  clock: Clock = nodeClock,
): Promise<{ agent: Agent; connection: AgentConnection }> {
  const agent = new Agent(
    {
      clock,
      random: nodeRandom,
      log: new FakeLogger(),
      openSocket,
      http: httpFetch,
      sha256,
      cache: new DiskCache(join(home, "cache")),
      credentials: new FakeCredentials({ supabaseUrl: server.url, anonKey: "anon-key", accessToken: tokenUntil(Date.now() + 3_600_000) }),
      workers: new ThreadLauncher(WORKER, join(home, "run")),
      storage: new DiskStorage(join(home, "storage")),
      host: nodeHost(),
    },
    {
      url: `${server.url.replace("http", "ws")}/ws`,
      name: "worker-1",
      bootId: randomUUID(),
      resources: { cpu: "1", memory: "1Gi", pods: 10 },
    },
  );
  agent.start();
  return { agent, connection: await server.agent() };
}

let home: string;
let server: FakeServer;
let agent: Agent;
let connection: AgentConnection;

before(async () => {
  home = await mkdtemp(join(tmpdir(), "stark-agent-"));
  const { mkdir } = await import("node:fs/promises");
  await mkdir(join(home, "run"));
  server = await new FakeServer().start();
  ({ agent, connection } = await startAgent(server, home));
});

after(async () => {
  agent.shutdown("the tests are over", 0);
  await agent.ended;
  assert.deepEqual(await readdir(join(home, "run")), [], "every pod's files are removed with it");
  await server.stop();
  await rm(home, { recursive: true });
});

function assign(code: string, changes: Parameters<FakeServer["pod"]>[1] = {}): Assignment {
  const pod = server.pod(code, changes);
  connection.say("pod:assign", pod);
  return pod;
}

function stop({ podId, incarnation }: Assignment, gracePeriodMs: number): void {
  connection.say("pod:stop", { podId, incarnation, reason: "stopped_by_user", gracePeriodMs });
}

/** Runs a pack to its end and returns that, and what it wrote. */
async function run(code: string, changes: Parameters<FakeServer["pod"]>[1] = {}) {
  const { podId } = assign(code, changes);
  const end = await connection.ended(podId);
  return { podId, end, said: connection.said(podId) };
}

test("an ES module: its lines, its context, its result", LIMIT, async () => {
  const { end, said } = await run(
    `import { hostname } from "node:os";
     const early = await Promise.resolve("top level");
     export default async ({ podName, packName, packVersion, namespace, env, args, metadata, incarnation, log }) => {
       console.log("hello", early);
       console.error("oh");
       log.info("from %s", "log");
       log.warn({ careful: true });
       return { podName, packName, packVersion, namespace, env, args, metadata, incarnation, host: hostname().length > 0, processEnv: { ...process.env } };
     };`,
    { env: { GREETING: "hi" }, args: ["one", 2], metadata: { team: "blue" } },
  );
  assert.equal(end.status, "stopped");
  assert.equal(end.reason, "completed");
  assert.deepEqual(said, ["stdout: hello top level", "stderr: oh", "stdout: from log", "stderr: { careful: true }"]);
  assert.deepEqual(end.result, {
    podName: "hello-1",
    packName: "hello",
    packVersion: "1.0.0",
    namespace: "default",
    incarnation: 1,
    args: ["one", 2],
    metadata: { team: "blue" },
    host: true,
    env: { GREETING: "hi" },
    processEnv: { GREETING: "hi" },
  });
});

for (const [what, code] of Object.entries({
  "module.exports = f": `const { createHash } = require("crypto"); module.exports = async () => createHash("sha1").update("a").digest("hex").slice(0, 4);`,
  "exports.default of a compiled module": `"use strict"; Object.defineProperty(exports, "__esModule", { value: true }); exports.default = () => "86f7";`,
  "module.exports = {start}": `module.exports = { async start() { return (await import("node:path")).basename("/x/86f7"); } };`,
  "with a shebang and sloppy code": `#!/usr/bin/env node\nwith ({ x: "86f7" }) { module.exports = () => x }`,
  "a comment that mentions export default": `// export default nothing\nmodule.exports = () => "86f7"; /* import x from "y" */`,
})) {
  test(`CommonJS: ${what}`, LIMIT, async () => {
    const { end } = await run(code);
    assert.deepEqual([end.status, end.reason, end.result], ["stopped", "completed", "86f7"], end.message);
  });
}

test("a bundle that mentions require and module but exports as a module", LIMIT, async () => {
  const { end } = await run(
    `import { createRequire } from "node:module";
     const require = createRequire(import.meta.url);
     const module = { exports: {} }; module.exports = require("node:path");
     export { start as default }; function start() { return module.exports.sep; }`,
  );
  assert.equal(end.result, "/", end.message);
});

for (const [what, code, says] of [
  ["throws", `throw new TypeError("not today"); export default () => {};`, /^TypeError: not today\n {4}at .*pack\.mjs:1/],
  ["has a syntax error", `export default () => {`, /SyntaxError: /],
  ["imports what is not there", `import "left-pad"; export default () => {};`, /left-pad/],
  ["requires what is not there", `require("left-pad"); module.exports = () => {};`, /left-pad/],
  ["exports nothing to run", `export const start = 1;`, /no default export/],
  ["is empty", ` `, /no default export/],
  ["exits", `process.exit(0); export default () => {};`, /exited with code 0 while it was loaded/],
  [
    "throws later",
    `setTimeout(() => { throw new Error("later") }); await new Promise(() => {}); export default () => {};`,
    /^Error: later/,
  ],
] as const) {
  test(`a bundle that ${what}: import_error`, LIMIT, async () => {
    const { end, podId } = await run(code);
    assert.deepEqual([end.status, end.reason], ["failed", "import_error"]);
    assert.match(end.message ?? "", says);
    assert.ok(connection.lines(podId).some(({ stream, text }) => stream === "system" && text.startsWith("import_error: ")));
    assert.equal(
      connection.payloads("pod:status").some((one) => one.podId === podId && one.status === "running"),
      false,
    );
  });
}

for (const [what, code, says] of [
  [
    "rejects",
    `export default async () => { throw new Error("no", { cause: new Error("since") }) };`,
    /^Error: no\n[^]*Caused by: Error: since/,
  ],
  ["throws", `export default () => { throw "a string" };`, /^a string$/],
  [
    "throws outside of its promise",
    `export default () => new Promise(() => setTimeout(() => { throw new Error("loose") }));`,
    /^Error: loose/,
  ],
  [
    "leaves a rejection unhandled",
    `export default () => { Promise.reject(new Error("left")); return new Promise(() => {}) };`,
    /^Error: left/,
  ],
  ["exits with 3", `export default () => { console.log("last words"); process.exit(3) };`, /exited with code 3/],
] as const) {
  test(`a pack that ${what}: crashed`, LIMIT, async () => {
    const { end, said } = await run(code);
    assert.deepEqual([end.status, end.reason], ["failed", "crashed"]);
    assert.match(end.message ?? "", says);
    if (what.startsWith("exits")) assert.deepEqual(said, ["stdout: last words"]);
  });
}

test("a pack that eats its memory: oom, its last lines are there, and its neighbours live on", LIMIT, async () => {
  const neighbour = assign(`export default ({ signal }) => new Promise((done) => signal.addEventListener("abort", () => done("lived")));`);
  await connection.status(neighbour.podId, "running");
  const { end, said } = await run(
    `export default () => { console.log("eating"); const all = []; for (;;) all.push(new Array(1000).fill(Math.random())); };`,
    {
      resources: { cpuMillis: 100, memoryBytes: 24 << 20 },
    },
  );
  assert.deepEqual([end.status, end.reason, end.message], ["failed", "oom", "it ran into its memory limit of 24 MiB"]);
  assert.deepEqual(said, ["stdout: eating"]);
  stop(neighbour, 10_000);
  assert.equal((await connection.ended(neighbour.podId)).result, "lived");
});

test("an endless loop is heard while it runs, and terminated when its grace period is over", LIMIT, async () => {
  const pod = assign(`export default () => { console.log("round and round"); for (;;); };`);
  await connection.line(pod.podId, "round and round");
  stop(pod, 50);
  const end = await connection.ended(pod.podId);
  assert.deepEqual([end.status, end.reason], ["stopped", "stopped_by_user"]);
  assert.match(end.message ?? "", /did not stop within 50 ms/);
});

test("a pack in the same way in its loading is terminated too", LIMIT, async () => {
  const pod = assign(`console.log("loading"); for (;;); export default () => {};`);
  await connection.line(pod.podId, "loading");
  stop(pod, 0);
  assert.equal((await connection.ended(pod.podId)).status, "stopped");
});

test("a graceful stop: signal, handlers, stop() and the lines they write", LIMIT, async () => {
  const pod = assign(
    `export default {
       start({ onShutdown, signal }) {
         onShutdown(async () => { await new Promise((done) => setTimeout(done, 5)); console.log("handler"); });
         signal.addEventListener("abort", () => console.log("signal", signal.reason.name, signal.reason.message));
       },
       stop() { console.log("stop"); },
     };`,
  );
  await connection.status(pod.podId, "running");
  stop(pod, 10_000);
  const end = await connection.ended(pod.podId);
  assert.deepEqual([end.status, end.reason, end.message], ["stopped", "stopped_by_user", undefined]);
  assert.deepEqual(connection.said(pod.podId), [
    "stdout: signal AbortError the pod is to stop: stopped_by_user",
    "stdout: handler",
    "stdout: stop",
  ]);
});

test("stdout and stderr in every way they can be written to", LIMIT, async () => {
  const { said } = await run(
    `export default async () => {
       const { Readable } = await import("node:stream");
       const { pipeline } = await import("node:stream/promises");
       process.stdout.write("par"); process.stdout.write("tial\\n");
       process.stdout.write(Buffer.from("é").subarray(0, 1)); process.stdout.write(Buffer.from("é").subarray(1)); process.stdout.write("\\n");
       process.stdout.write("6869", "hex"); process.stdout.write("\\n");
       await new Promise((done) => process.stderr.write("called back\\n", done));
       await pipeline(Readable.from(["piped\\n"]), process.stdout, { end: false });
       console.table([{ a: 1 }]);
       new console.Console(process.stdout, process.stderr).error("own console");
       process.stdout.write("no end");
     };`,
  );
  const out = said.filter((line) => line.startsWith("stdout: ")).map((line) => line.slice(8));
  assert.deepEqual(out.slice(0, 4), ["partial", "é", "hi", "piped"]);
  assert.equal(out.at(-1), "no end");
  assert.ok(out.includes("│ (index) │ a │"));
  assert.deepEqual(
    said.filter((line) => line.startsWith("stderr: ")),
    ["stderr: called back", "stderr: own console"],
  );
});

test("a flood of lines costs lines, not the agent", LIMIT, async () => {
  const { end, podId } = await run(
    `export default () => { const line = "x".repeat(99); for (let i = 0; i < 200_000; i++) console.log(line); console.log("the end"); return 1; };`,
  );
  assert.equal(end.result, 1);
  const logs = connection.payloads("pod:logs").filter((one) => one.podId === podId);
  const lines = logs.reduce((sum, { lines }) => sum + lines.length, 0);
  const dropped = logs.reduce((sum, one) => sum + (one.dropped ?? 0), 0);
  assert.equal(lines + dropped, 200_001, "every line is there or counted");
  assert.ok(dropped > 0);
});

test("a bundle whose digest does not match does not run", LIMIT, async () => {
  const code = `export default () => 1;`;
  const { end } = await run(code, { object: Buffer.from(code.replace("1", "2")) });
  assert.deepEqual([end.status, end.reason], ["failed", "digest_mismatch"]);
  const longer = await run(code, { object: Buffer.from(`${code}//`) });
  assert.deepEqual([longer.end.status, longer.end.reason], ["failed", "digest_mismatch"]);
});

test("a claim that the server refuses does not run", LIMIT, async () => {
  const pod = server.pod(`export default () => { console.log("ran") };`);
  server.verdict = ({ podId }) => (podId === pod.podId ? "STALE_INCARNATION" : undefined);
  connection.say("pod:assign", pod);
  await connection.status(pod.podId, "starting");
  const after_ = await run(`export default () => 1;`);
  assert.equal(after_.end.reason, "completed");
  assert.deepEqual(
    connection
      .payloads("pod:status")
      .filter((one) => one.podId === pod.podId)
      .map(({ status }) => status),
    ["starting"],
  );
  assert.deepEqual(connection.said(pod.podId), []);
});

test("a missing object: bundle_unavailable, after it was looked for again", LIMIT, async (t: TestContext) => {
  const own = await new FakeServer().start();
  t.after(() => own.stop());
  // This test's time runs fast: the agent looks for some seconds.
  const fast: Clock = {
    now: nodeClock.now,
    monotonic: () => nodeClock.monotonic() * 20,
    timer: (ms, fire) => nodeClock.timer(ms / 20, fire),
  };
  const other = await mkdtemp(join(home, "other-"));
  const { agent: quick, connection: to } = await startAgent(own, other, fast);
  const pod = own.pod(`export default () => 1;`);
  own.remove(pod);
  to.say("pod:assign", pod);
  const end = await to.ended(pod.podId);
  assert.deepEqual([end.status, end.reason], ["failed", "bundle_unavailable"]);
  assert.match(end.message ?? "", /404 Object not found/);
  quick.shutdown("done");
  await quick.ended;
});
