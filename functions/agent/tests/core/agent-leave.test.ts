/** Leaving: on request, and when the server refuses the agent for good. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { settle, START } from "../support/fakes.ts";
import { acknowledge, assign, come, INCARNATION, OTHER, POD, reconnect, running, statuses, stop } from "../support/world.ts";

test("leaving: pods get their grace period, no status is said, then goodbye", async () => {
  const w = await running();
  w.agent.shutdown("SIGTERM");
  assert.deepEqual(w.workers.last.commands, [{ type: "stop", reason: "node_disconnected" }]);
  await assign(w, { podId: OTHER, incarnation: 1 }); // goes elsewhere
  await w.clock.advance(5_000);
  assert.deepEqual(w.socket.news(), []);
  await w.workers.last.print("tidied up\n", START);
  await come(w);
  assert.deepEqual(
    w.socket.news().map(({ type }) => type),
    ["pod:logs", "node:disconnect"],
  );
  await w.socket.end(1000, "goodbye");
  await settle();
  assert.equal(w.end()?.kind, "goodbye");
  assert.equal(w.workers.started.length, 1);
});

test("leaving: a pack that does not stop is terminated", async () => {
  const w = await running();
  w.agent.shutdown("SIGTERM");
  await w.clock.advance(10_000);
  assert.equal(w.workers.last.terminated, true);
  await w.workers.last.exit();
  assert.deepEqual(
    w.socket.news().map(({ type }) => type),
    ["node:disconnect"],
  );
});

test("leaving in a hurry: no pack gets more than it is given", async () => {
  const w = await running();
  w.agent.shutdown("SIGTERM");
  w.agent.shutdown("its parent process is gone", 2_000);
  await w.clock.advance(2_000);
  assert.equal(w.workers.last.terminated, true);
});

test("leaving: what a user is waiting for is still said, and its answer awaited", async () => {
  const w = await running();
  await stop(w, "stopped_by_user");
  w.agent.shutdown("SIGTERM");
  await come(w);
  assert.deepEqual(statuses(w), ["stopping stopped_by_user", "stopped stopped_by_user"]);
  await acknowledge(w, "stopping");
  await acknowledge(w, "stopped");
  assert.deepEqual(w.socket.news(), [{ type: "node:disconnect", payload: { reason: "SIGTERM" } }]);
});

test("leaving: a pod that is still being stopped is held if the connection breaks meanwhile", async () => {
  const w = await running();
  w.agent.shutdown("SIGTERM");
  await reconnect(w);
  assert.deepEqual(w.socket.last("node:register").pods, [{ podId: POD, incarnation: INCARNATION, status: "running" }]);
});

test("leaving: a worker that is not gone does not hold up the goodbye for ever", async () => {
  const w = await running();
  w.agent.shutdown("SIGTERM");
  await w.clock.advance(16_000);
  assert.ok(w.socket.news().some(({ type }) => type === "node:disconnect"));
  assert.ok(w.end() === undefined);
  await w.socket.end(1000);
  await w.clock.advance(5_000);
  assert.equal(w.end()?.kind, "goodbye");
  assert.equal(w.agent.podCount, 1, "and whoever started the agent can know");
});

test("leaving without a connection ends when the pods have", async () => {
  const w = await running();
  await w.socket.end(1006);
  w.agent.shutdown("SIGTERM");
  await come(w);
  await settle();
  assert.equal(w.end()?.kind, "goodbye");
});

for (const [code, kind] of [
  [4409, "superseded"],
  [4403, "forbidden"],
  [4401, "credentials"],
] as const) {
  test(`refused for good (${code}): all pods end at once and without a word, then the agent does`, async () => {
    const w = await running();
    await w.socket.end(code, "why");
    await w.clock.advance(250); // 4401 tries for a token first, and there is none
    assert.equal(w.workers.last.terminated, true);
    assert.equal(w.end(), undefined, "not before its worker is gone");
    await w.workers.last.exit();
    assert.equal(w.end()?.kind, kind);
  });
}
