/** The process: settings, signals, exit codes, credentials, crashes. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { BUILT, place } from "../support/process.ts";

const LIMIT = { timeout: 30_000 };
const FOREVER = `export default ({ signal }) => new Promise((done) => { console.log("up"); signal.addEventListener("abort", () => done()); });`;
const DEAF = `export default () => { console.log("up"); for (;;); };`;

test("what the binary carries runs a pack, worker and all, and leaves in good order", LIMIT, async (t) => {
  const { server, home, start } = await place(t);
  const agent = start(
    { STARK_LOG_FORMAT: "json", STARK_NODE_LABELS: "zone=eu-1a", STARK_NODE_TAINTS: "a=b:NoSchedule", STARK_NODE_MEMORY: "2Gi" },
    BUILT,
  );
  const connection = await server.agent();
  const registered = JSON.parse(await agent.line('"registered"')) as Record<string, unknown>;
  assert.equal(registered["node"], "worker-1");
  assert.match(String(registered["nodeId"]), /^[0-9a-f-]{36}$/);
  const [said] = connection.payloads("node:register");
  assert.deepEqual(
    [said?.labels, said?.taints, said?.resources.memory, said?.runtimeVersion],
    [{ zone: "eu-1a" }, [{ key: "a", value: "b", effect: "NoSchedule" }], "2Gi", process.version],
  );
  for (const code of [`export default () => "a module"`, `module.exports = () => "CommonJS"`]) {
    const pod = server.pod(code);
    connection.say("pod:assign", pod);
    const end = await connection.ended(pod.podId);
    assert.ok(code.includes(String(end.result)), end.message);
  }
  const stays = server.pod(FOREVER);
  connection.say("pod:assign", stays);
  await connection.line(stays.podId, "up");
  agent.kill("SIGTERM");
  assert.deepEqual(await agent.exited, { code: 0, signal: null });
  assert.equal(connection.payloads("node:disconnect")[0]?.reason, "SIGTERM");
  assert.deepEqual(
    connection
      .payloads("pod:status")
      .filter(({ podId }) => podId === stays.podId)
      .map(({ status }) => status),
    ["starting", "running"],
    "the server places it anew",
  );
  assert.deepEqual(await readdir(join(home, "run")), [], "nothing is left of its pods");
  assert.equal((await readdir(join(home, "cache"))).length, 3);
});

for (const [what, env, says] of [
  ["no server", { STARK_SERVER: "" }, /^stark agent: STARK_SERVER is not set: set it to [^\n]+\n$/],
  ["no credentials", { STARK_CREDENTIALS: "" }, /^stark agent: STARK_CREDENTIALS is not set: set it to [^\n]+\n$/],
  [
    "credentials that are not there",
    { STARK_CREDENTIALS: "/none/here.json" },
    /^stark agent: STARK_CREDENTIALS: the credentials file \/none\/here\.json cannot be read[^\n]+\n$/,
  ],
  ["a home that is a file", { STARK_AGENT_HOME: process.execPath }, /^stark agent: STARK_AGENT_HOME: [^\n]+ cannot be used[^\n]+\n$/],
] as const) {
  test(`${what}: one line, exit code 2`, LIMIT, async (t) => {
    const { start } = await place(t);
    const agent = start(env);
    assert.deepEqual(await agent.exited, { code: 2, signal: null });
    assert.match(agent.stderr, says);
  });
}

test("wrong credentials: one line, exit code 1", LIMIT, async (t) => {
  const { start } = await place(t, { email: "node@example.com", password: "wrong" });
  const agent = start();
  assert.deepEqual(await agent.exited, { code: 1, signal: null });
  assert.match(
    await agent.line("ended"),
    /level=ERROR msg="ended: Supabase Auth refused the password grant: 400 Invalid login credentials"$/,
  );
  assert.ok(!agent.stderr.includes("wrong"));
});

for (const [code, says] of [
  [4403, /does not let this user run a node/],
  [4409, /another agent has registered/],
  [4426, /does not speak version 1/],
] as const) {
  test(`refused with ${code}: one line, exit code 1`, LIMIT, async (t) => {
    const { server, start } = await place(t);
    server.onAuthenticate = () => code;
    const agent = start();
    assert.deepEqual(await agent.exited, { code: 1, signal: null });
    assert.match(await agent.line("level=ERROR"), says);
  });
}

test("a failure of the agent itself has an exit code of its own, so that whoever started it tries again", LIMIT, async (t) => {
  const { server, start } = await place(t);
  const agent = start({ NODE_OPTIONS: `--import "data:text/javascript,process.on('SIGUSR2', () => { throw new Error('boom') })"` });
  await server.agent();
  agent.kill("SIGUSR2");
  assert.deepEqual(await agent.exited, { code: 70, signal: null });
  assert.match(await agent.line("failed"), /^stark agent: failed: Error: boom$/);
});

test("rotated tokens reach the file, which becomes private, and the connection", LIMIT, async (t) => {
  const { server, credentials, start } = await place(t);
  server.accessTokenMs = 3_000; // renewed after two thirds
  start();
  const connection = await server.agent();
  const tokens = await connection.until(() =>
    connection.payloads("auth:authenticate").length > 1 ? connection.payloads("auth:authenticate").map(({ token }) => token) : undefined,
  );
  assert.notEqual(tokens[0], tokens[1]);
  assert.deepEqual(server.refreshed.slice(0, 2), ["refresh-0", "refresh-1"]);
  const { refreshToken } = JSON.parse(await readFile(credentials, "utf8")) as { refreshToken: string };
  assert.match(refreshToken, /^refresh-[2-9]$/);
  assert.equal((await stat(credentials)).mode & 0o777, 0o600);
});

test("a cut connection: the pods run on, and are held when it is back", LIMIT, async (t) => {
  const { server, start } = await place(t);
  start();
  const first = await server.agent(0);
  const pod = server.pod(FOREVER);
  first.say("pod:assign", pod);
  await first.status(pod.podId, "running");
  first.cut();
  const second = await server.agent(1);
  const [again] = second.payloads("node:register");
  assert.deepEqual(again?.pods, [{ podId: pod.podId, incarnation: 1, status: "running" }]);
  assert.equal(again?.bootId, first.payloads("node:register")[0]?.bootId);
  second.say("pod:assign", pod);
  second.say("pod:stop", { podId: pod.podId, incarnation: 1, reason: "stopped_by_user", gracePeriodMs: 10_000 });
  assert.equal((await second.ended(pod.podId)).reason, "stopped_by_user");
});

test("killed and started again: another boot, which holds nothing and cleans up", LIMIT, async (t) => {
  const { server, home, start } = await place(t);
  const killed = start();
  const first = await server.agent(0);
  const pod = server.pod(FOREVER);
  first.say("pod:assign", pod);
  await first.line(pod.podId, "up");
  killed.kill("SIGKILL");
  await killed.exited;
  assert.equal((await readdir(join(home, "run"))).length, 1);
  const next = start();
  const second = await server.agent(1);
  const [registered] = second.payloads("node:register");
  assert.deepEqual(registered?.pods, []);
  assert.notEqual(registered?.bootId, first.payloads("node:register")[0]?.bootId);
  assert.deepEqual(
    (await readdir(join(home, "run"))).map((name) => name.split("-")[0]),
    [String(next.child.pid)],
  );
});

test("a second signal does not wait", LIMIT, async (t) => {
  const { server, start } = await place(t);
  const agent = start();
  const connection = await server.agent();
  const pod = server.pod(DEAF, { gracePeriodMs: 60_000 });
  connection.say("pod:assign", pod);
  await connection.line(pod.podId, "up");
  agent.kill("SIGTERM");
  await agent.line("leaving");
  agent.kill("SIGINT");
  assert.deepEqual(await agent.exited, { code: null, signal: "SIGKILL" });
});

test("a pack that sits in a blocking call does not keep the process for ever", LIMIT, async (t) => {
  const { server, home, start } = await place(t);
  const agent = start();
  const connection = await server.agent();
  const fifo = join(home, "nobody writes here");
  execFileSync("mkfifo", [fifo]);
  const pod = server.pod(
    `import { readFileSync } from "node:fs"; export default ({ args }) => { console.log("up"); readFileSync(args[0]); };`,
    { gracePeriodMs: 0, args: [fifo] },
  );
  connection.say("pod:assign", pod);
  await connection.line(pod.podId, "up");
  agent.kill("SIGTERM");
  await connection.first("node:disconnect");
  assert.deepEqual(await agent.exited, { code: null, signal: "SIGKILL" });
});

test("it ends when its stdin does, if it was asked to", LIMIT, async (t) => {
  const { server, start } = await place(t);
  const agent = start({ STARK_AGENT_PARENT: "stdin" });
  const connection = await server.agent();
  const pod = server.pod(DEAF, { gracePeriodMs: 60_000 });
  connection.say("pod:assign", pod);
  await connection.line(pod.podId, "up");
  agent.child.stdin?.end();
  assert.deepEqual(await agent.exited, { code: 0, signal: null });
  assert.match(await agent.line("leaving"), /its parent process is gone/);
});

test("else it does not look at its stdin", LIMIT, async (t) => {
  const { server, start } = await place(t);
  const agent = start();
  const connection = await server.agent();
  agent.child.stdin?.end();
  const pod = server.pod(`export default () => 1`);
  connection.say("pod:assign", pod);
  assert.equal((await connection.ended(pod.podId)).result, 1);
});
