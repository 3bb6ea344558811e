/** One suite of packs, run by the built Node agent and by the built browser agent in real Chromium: their transcripts must be the same. */
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { Browser } from "playwright-core";
import type { Assignment } from "../../core/protocol.ts";
import { tokenUntil } from "../support/fakes.ts";
import { AgentProcess, BUILT } from "../support/process.ts";
import { FakeServer, type AgentConnection } from "../support/server.ts";
import { launchChromium, openAgent, serveAgent } from "./chromium.ts";
import { MAPPED } from "./mapped.ts";
import { CASES, runCase, transcriptOf } from "./packs.ts";

const LIMIT = { timeout: 60_000 };

/** A runtime with a server of its own. */
interface Host {
  name: string;
  server: FakeServer;
  connection: AgentConnection;
}

let home: string;
let nodeAgent: AgentProcess;
let browser: Browser;
const hosts: Host[] = [];

async function startServer(): Promise<FakeServer> {
  const server = await new FakeServer().start();
  server.files.set("/echo", { headers: { "content-type": "application/json", "access-control-allow-origin": "*" }, body: `{"echo":true}` });
  return server;
}

async function startNode(server: FakeServer): Promise<Host> {
  home = await mkdtemp(join(tmpdir(), "stark-conformance-"));
  const credentials = join(home, "credentials.json");
  const token = tokenUntil(Date.now() + 3_600_000);
  await writeFile(credentials, JSON.stringify({ supabaseUrl: server.url, anonKey: "anon-key", accessToken: token }), { mode: 0o600 });
  nodeAgent = new AgentProcess(BUILT, {
    STARK_SERVER: server.url,
    STARK_CREDENTIALS: credentials,
    STARK_NODE_NAME: "node-1",
    STARK_AGENT_HOME: home,
  });
  return { name: "Node.js", server, connection: await server.agent() };
}

async function startChromium(server: FakeServer): Promise<Host> {
  serveAgent(server);
  browser = await launchChromium();
  await openAgent(browser, server, tokenUntil(Date.now() + 3_600_000));
  return { name: "Chromium", server, connection: await server.agent() };
}

before(async () => {
  hosts.push(...(await Promise.all([startNode(await startServer()), startChromium(await startServer())])));
});

after(async () => {
  await browser?.close();
  nodeAgent?.kill("SIGKILL");
  await nodeAgent?.exited;
  for (const { server } of hosts) await server.stop();
  await rm(home, { recursive: true });
});

function assign({ server, connection }: Host, code: string, changes: Partial<Assignment> = {}): Assignment {
  const pod = server.pod(code, changes);
  pod.pack.runtimeTag = "universal";
  connection.say("pod:assign", pod);
  return pod;
}

describe("the same pack in both runtimes", { concurrency: true }, () => {
  for (const one of CASES) {
    test(one.name, LIMIT, async () => {
      const transcripts = await Promise.all(
        hosts.map(({ server, connection }) => {
          const env = { HANGS: `${server.url}/hangs`, ...one.changes?.env };
          return runCase(server, connection, one.name.includes("fetch that is aborted") ? { ...one, changes: { env } } : one);
        }),
      );
      transcripts.forEach((transcript, at) => assert.deepEqual(transcript, one.expect, hosts[at]?.name));
    });
  }

  test("fetch", LIMIT, async () => {
    const code = `export default async ({ fetch, env }) => {
      const response = await fetch(env.URL); let failure = "none";
      try { await fetch("http://127.0.0.1:9/") } catch (error) { failure = error.constructor.name }
      return { status: response.status, body: await response.json(), failure };
    };`;
    for (const host of hosts) {
      const pod = assign(host, code, { env: { URL: `${host.server.url}/echo` } });
      const end = await host.connection.ended(pod.podId);
      assert.deepEqual(end.result, { status: 200, body: { echo: true }, failure: "TypeError" }, `${host.name}: ${end.message ?? ""}`);
    }
  });

  for (const format of ["esm", "cjs"] as const) {
    test(`a source map, of a bundle in ${format}`, LIMIT, async () => {
      for (const host of hosts) {
        const { message = "" } = await host.connection.ended(assign(host, MAPPED[format]).podId);
        assert.match(message, /^Error: mapped\n {4}at (async )?fails \(src\/fails\.ts:2:9\)\n/, host.name);
        assert.match(message, /src\/index\.ts:2:41/, host.name);
      }
    });
  }

  test("storage outlives the pod, and is another in another namespace", LIMIT, async () => {
    const code = `export default async ({ storage }) => { const before = await storage.get("runs") ?? 0; await storage.set("runs", before + 1); return before; };`;
    for (const host of hosts) {
      const results = [];
      for (const namespace of ["one", "one", "two"])
        results.push((await host.connection.ended(assign(host, code, { namespace }).podId)).result);
      assert.deepEqual(results, [0, 1, 0], host.name);
    }
  });
});

test("a memory hog on Node.js: oom. A browser has no limit to run into, and says so", LIMIT, async () => {
  const [node, chromium] = hosts;
  assert.ok(node && chromium);
  const code = `export default () => { console.log("eating"); const all = []; for (;;) all.push(new Array(1000).fill(Math.random())); };`;
  const pod = assign(node, code, { resources: { cpuMillis: 100, memoryBytes: 24 << 20 } });
  const end = await node.connection.ended(pod.podId);
  assert.deepEqual([end.status, end.reason, end.message], ["failed", "oom", "it ran into its memory limit of 24 MiB"]);
  const { capabilities } = await chromium.connection.first("node:register");
  assert.deepEqual(capabilities, { isolation: "web-worker", origin: "opaque", memoryLimit: false });
});

test("100,000 lines at once: each is there or counted, and a neighbour loses none", LIMIT, async () => {
  await Promise.all(
    hosts.map(async (host) => {
      const { connection, name } = host;
      const flood = assign(
        host,
        `export default () => { const line = "x".repeat(99); for (let i = 0; i < 100_000; i++) console.log(line); console.log("the end"); return 1; };`,
      );
      const neighbour = assign(
        host,
        `export default () => new Promise((done) => { let n = 0; const every = setInterval(() => { console.log("tick", ++n); if (n === 20) { clearInterval(every); done(n); } }, 10); });`,
      );
      const [end] = await Promise.all([connection.ended(flood.podId), connection.ended(neighbour.podId)]);
      assert.equal(end.result, 1, name);
      const logs = connection.payloads("pod:logs").filter((one) => one.podId === flood.podId);
      const lines = logs.reduce((sum, { lines }) => sum + lines.length, 0);
      const dropped = logs.reduce((sum, one) => sum + (one.dropped ?? 0), 0);
      assert.equal(lines + dropped, 100_001, name);
      const ticks = Array.from({ length: 20 }, (_, at) => `tick ${at + 1}`);
      assert.deepEqual(transcriptOf(connection, neighbour.podId).stdout, ticks, name);
    }),
  );
});

test("the network is cut: no pod restarts, no status is lost, lines go on", LIMIT, async () => {
  await Promise.all(
    hosts.map(async (host) => {
      const { server, connection, name } = host;
      const runs = assign(
        host,
        `export default ({ signal }) => { const run = crypto.randomUUID(); let n = 0; setInterval(() => console.log(run, ++n), 20);
           return new Promise((done) => signal.addEventListener("abort", () => done(run))); };`,
      );
      const ends = assign(
        host,
        `export default async () => { console.log("up"); await new Promise((done) => setTimeout(done, 300)); return "meanwhile"; };`,
      );
      await connection.line(ends.podId, "up");
      await connection.line(runs.podId, " 2");
      const before = server.connections.length;
      server.down = true;
      await new Promise((done) => setTimeout(done, 600)); // longer than the pod that ends meanwhile
      server.down = false;
      const back = await server.agent(before);
      const held = (await back.first("node:register")).pods.map(({ podId, status }) => [podId, status]);
      assert.deepEqual(
        new Map(held as [string, string][]),
        new Map([
          [runs.podId, "running"],
          [ends.podId, "stopped"],
        ]),
        name,
      );
      assert.equal((await back.ended(ends.podId)).result, "meanwhile", name);
      await back.until(() => back.lines(runs.podId)[0]);
      back.say("pod:stop", { podId: runs.podId, incarnation: 1, reason: "stopped_by_user", gracePeriodMs: 5_000 });
      const run = (await back.ended(runs.podId)).result;
      const lines = [...connection.lines(runs.podId), ...back.lines(runs.podId)].map(({ text }) => text);
      assert.ok(
        lines.length > 2 && lines.every((text) => text.startsWith(`${String(run)} `)),
        `${name}: one run wrote all of ${lines.length} lines`,
      );
      host.connection = back;
    }),
  );
});
