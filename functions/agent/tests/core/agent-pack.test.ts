/** What a pack asks of its agent while it runs: storage, progress, health; and what a host asks: state, lines, the network's return. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { StatusReport } from "../../core/protocol.ts";
import { settle } from "../support/fakes.ts";
import { acknowledge, assign, POD, reconnect, registered, running, statuses, stop, world, type World } from "../support/world.ts";

function lines(w: World): string[] {
  return w.socket
    .news()
    .filter(({ type }) => type === "pod:logs")
    .flatMap(({ payload }) => (payload as { lines: { stream: string; text: string }[] }).lines)
    .map(({ stream, text }) => `${stream}: ${text}`);
}

test("a storage request is answered from the pod's namespace and pack", async () => {
  const w = await running();
  const worker = w.workers.last;
  await worker.post({ type: "storage", id: 1, request: { op: "set", key: "k", json: "[1]" } });
  await worker.post({ type: "storage", id: 2, request: { op: "get", key: "k" } });
  assert.deepEqual(worker.commands, [
    { type: "storage", id: 1, answer: {} },
    { type: "storage", id: 2, answer: { json: "[1]" } },
  ]);
  const { namespace, packName } = worker.spec.identity;
  assert.deepEqual([...w.storage.values.keys()], [`${namespace}/${packName} k`]);
});

test("a pack that stops may still store", async () => {
  const w = await running();
  await stop(w, "stopped_by_user");
  await w.workers.last.post({ type: "storage", id: 1, request: { op: "set", key: "last", json: "1" } });
  assert.equal(w.storage.values.size, 1);
});

test("progress is a line at most once a second, and the last one always; the state has each", async () => {
  const w = await running();
  const worker = w.workers.last;
  const say = (fraction: number, text?: string) => worker.post({ type: "progress", fraction, ...(text === undefined ? {} : { text }) });
  await say(0.1, "one");
  await say(0.2, "two");
  assert.equal(w.agent.state.pods[POD]?.progress, 0.2);
  await w.clock.advance(1_000);
  await say(0.305);
  await say(1, "all");
  await w.clock.advance(200);
  assert.deepEqual(lines(w), ["system: progress: 10 % one", "system: progress: 30 %", "system: progress: 100 % all"]);
  assert.equal(w.agent.state.pods[POD]?.progressText, "all");
});

test("a pack with health() that stays unwell is failed as unhealthy", async () => {
  const w = await registered();
  await assign(w);
  await acknowledge(w, "starting");
  const worker = w.workers.last;
  await worker.post({ type: "running", health: true });
  await acknowledge(w, "running");
  for (let round = 0; round < 3; round++) {
    await w.clock.advance(10_000);
    await w.socket.say("node:heartbeat:ack", {});
    assert.deepEqual(worker.commands.at(-1), { type: "health" });
    await worker.post({ type: "health", problem: "no database" });
  }
  assert.equal(worker.terminated, true);
  await worker.exit();
  assert.deepEqual(statuses(w).slice(-1), ["failed unhealthy"]);
  const last = w.socket.last("pod:status") as StatusReport;
  assert.equal(last.message, "3 times in a row: no database");
});

test("one without health() is not asked", async () => {
  const w = await running();
  await w.clock.advance(60_000);
  assert.deepEqual(w.workers.last.commands, []);
});

test("the state follows connection, pods and end", async () => {
  const w = world();
  assert.equal(w.agent.state.connection, "idle");
  w.agent.start();
  await settle();
  assert.equal(w.agent.state.connection, "connecting");
  const r = await running();
  assert.equal(r.agent.state.connection, "connected");
  assert.equal(r.agent.state.node?.name, "worker-1");
  assert.deepEqual([r.agent.state.pods[POD]?.status, r.agent.state.pods[POD]?.name], ["running", r.workers.last.spec.identity.podName]);
  await r.socket.end(1006);
  assert.equal(r.agent.state.connection, "connecting");
  assert.equal(r.agent.state.pods[POD]?.status, "running", "it goes on without a connection");
  r.agent.shutdown("enough", 0);
  assert.equal(r.agent.state.connection, "leaving");
});

test("when the network is back the agent does not wait for its time", async () => {
  const w = await running();
  w.random.value = 1;
  for (let failed = 0; failed < 8; failed++) {
    await w.socket.end(1006);
    if (failed < 7) await w.clock.advance(w.clock.nextIn ?? 0);
  }
  const before = w.network.sockets.length;
  w.agent.networkIsBack();
  await settle();
  assert.equal(w.network.sockets.length, before + 1);
  w.agent.networkIsBack(); // it is at it already
  await settle();
  assert.equal(w.network.sockets.length, before + 1);
});

test("nothing happens when the network is back and was never gone", async () => {
  const w = await running();
  w.agent.networkIsBack();
  await settle();
  assert.equal(w.network.sockets.length, 1);
  await reconnect(w);
  assert.equal(w.agent.state.connection, "connecting");
});
