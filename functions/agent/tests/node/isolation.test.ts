/** Pods in processes of their own: the built agent with STARK_AGENT_ISOLATION=process. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { Assignment } from "../../core/protocol.ts";
import { CASES, runCase } from "../conformance/packs.ts";
import { tokenUntil } from "../support/fakes.ts";
import { AgentProcess, BUILT, MAIN } from "../support/process.ts";
import { FakeServer, type AgentConnection } from "../support/server.ts";

const LIMIT = { timeout: 20_000, concurrency: true };

let home: string;
let server: FakeServer;
let agent: AgentProcess;
let connection: AgentConnection;

function start(script: string, name: string): AgentProcess {
  return new AgentProcess(script, {
    STARK_SERVER: server.url,
    STARK_CREDENTIALS: join(home, "credentials.json"),
    STARK_NODE_NAME: name,
    STARK_AGENT_HOME: join(home, name),
    STARK_AGENT_ISOLATION: "process",
  });
}

before(async () => {
  home = await mkdtemp(join(tmpdir(), "stark-isolation-"));
  server = await new FakeServer().start();
  const credentials = { supabaseUrl: server.url, anonKey: "anon-key", accessToken: tokenUntil(Date.now() + 3_600_000) };
  await writeFile(join(home, "credentials.json"), JSON.stringify(credentials), { mode: 0o600 });
  agent = start(BUILT, "isolated");
  connection = await server.agent();
});

after(async () => {
  agent.kill("SIGTERM");
  assert.equal((await agent.exited).code, 0, agent.stderr);
  assert.deepEqual(await readdir(join(home, "isolated", "run")), [], "nothing of the pods is left");
  await server.stop();
  await rm(home, { recursive: true });
});

function assign(code: string, changes: Partial<Assignment> = {}): Assignment {
  const pod = server.pod(code, changes);
  connection.say("pod:assign", pod);
  return pod;
}

for (const name of [
  "an ES module: context, log, result",
  "CommonJS: module.exports = f",
  "throws at import",
  "throws outside of its promise",
  "an endless loop",
  "a graceful stop: signal, handlers, stop()",
  "storage",
]) {
  test(`as in a thread: ${name}`, LIMIT, async () => {
    const one = CASES.find((candidate) => candidate.name === name);
    assert.ok(one);
    assert.deepEqual(await runCase(server, connection, one), one.expect);
  });
}

test("one huge allocation aborts its own process and no other: oom", LIMIT, async () => {
  const neighbour = assign(`export default ({ signal }) => new Promise((done) => signal.addEventListener("abort", () => done("lived")));`);
  await connection.status(neighbour.podId, "running");
  const hog = assign(
    `export default () => { console.log("eating"); const all = []; for (;;) all.push(new Array(30_000_000).fill(0.5)); };`,
    {
      resources: { cpuMillis: 100, memoryBytes: 32 << 20 },
    },
  );
  const end = await connection.ended(hog.podId);
  assert.deepEqual([end.status, end.reason], ["failed", "oom"], end.message);
  connection.say("pod:stop", { podId: neighbour.podId, incarnation: 1, reason: "stopped_by_user", gracePeriodMs: 5_000 });
  assert.equal((await connection.ended(neighbour.podId)).result, "lived");
});

test(
  "a pack may not read the agent's files, write elsewhere, or start processes; it may use the network and its directory",
  LIMIT,
  async () => {
    const { result, message } = await connection.ended(
      assign(
        `import fs from "node:fs"; import { spawnSync } from "node:child_process"; import path from "node:path";
       const attempt = async (how) => { try { await how(); return "allowed" } catch (error) { return error.code ?? error.message } };
       export default async ({ args, fetch, env }) => ({
         credentials: await attempt(() => fs.readFileSync(args[0])),
         passwd: await attempt(() => fs.readFileSync("/etc/passwd")),
         write: await attempt(() => fs.writeFileSync(args[1], "x")),
         spawn: await attempt(() => { const { error } = spawnSync("true"); if (error) throw error; }),
         own: await attempt(() => fs.writeFileSync("note", "x")),
         network: await attempt(() => fetch(args[2])),
         env: Object.keys(process.env), cwd: path.basename(process.cwd()).endsWith("-1"),
       });`,
        { args: [join(home, "credentials.json"), join(home, "planted"), server.url], env: { MINE: "1" } },
      ).podId,
    );
    assert.deepEqual(
      result,
      {
        credentials: "ERR_ACCESS_DENIED",
        passwd: "ERR_ACCESS_DENIED",
        write: "ERR_ACCESS_DENIED",
        spawn: "ERR_ACCESS_DENIED",
        own: "allowed",
        network: "allowed",
        env: ["MINE"],
        cwd: true,
      },
      message,
    );
    assert.equal(existsSync(join(home, "planted")), false);
  },
);

test("a call that blocks is ended all the same", LIMIT, async () => {
  const pod = assign(`export default () => { console.log("blocked"); Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0); };`);
  await connection.line(pod.podId, "blocked");
  connection.say("pod:stop", { podId: pod.podId, incarnation: 1, reason: "stopped_by_user", gracePeriodMs: 50 });
  assert.equal((await connection.ended(pod.podId)).status, "stopped");
});

test("an agent that is killed leaves no process behind, not even one that never yields", LIMIT, async (t) => {
  const before = server.connections.length;
  const other = start(MAIN, "killed");
  const to = await server.agent(before);
  const pod = server.pod(`import { pid } from "node:process"; export default () => { console.log("pid", pid); for (;;); };`);
  to.say("pod:assign", pod);
  const pid = Number((await to.line(pod.podId, "pid")).text.slice(4));
  other.kill("SIGKILL");
  await other.exited;
  while (isAlive(pid) && !t.signal.aborted) await new Promise((done) => setTimeout(done, 10));
  const left = isAlive(pid);
  if (left) process.kill(pid, "SIGKILL");
  assert.equal(left, false);
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
