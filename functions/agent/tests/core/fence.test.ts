/** Fenced pods: ended before the server may have given the node up; the others go on. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { FENCED } from "../../core/protocol.ts";
import { INCARNATION, OTHER, POD, acknowledge, assign, register, registered, statuses, stop, world, type World } from "../support/world.ts";
import { settle } from "../support/fakes.ts";
import { golden } from "../support/goldens.ts";

const LEASE_MS = 30_000;

/** A world with a fenced pod and one that is not, both running, whose lease was extended just now. */
async function leased(): Promise<World> {
  const w = world();
  w.agent.start();
  await settle();
  await w.socket.open();
  await w.socket.sayGolden("auth-authenticated");
  await w.socket.sayGolden("node-registered.lease");
  for (const [podId, metadata] of [
    [OTHER, {}],
    [POD, { [FENCED]: true }],
  ] as const) {
    await assign(w, { podId, metadata });
    await acknowledge(w, "starting", { podId });
    await w.workers.last.post({ type: "running" });
    await acknowledge(w, "running", { podId });
  }
  w.socket.news();
  return w;
}

/** The network is cut: sockets open no more. */
async function cut(w: World, ms: number): Promise<void> {
  await w.socket.end(1006);
  await w.clock.advance(ms);
}

/** It is mended: the next attempt succeeds. */
async function mended(w: World): Promise<void> {
  const before = w.network.sockets.length;
  while (w.network.sockets.length === before) await w.clock.advance(w.clock.nextIn ?? 1);
  await register(w);
}

const [other, fenced] = [0, 1];

test("a cut that is shorter than the lease allows changes nothing", async () => {
  const w = await leased();
  await cut(w, LEASE_MS / 2 - 3_000);
  assert.deepEqual(w.workers.started[fenced]?.commands, []);
});

test("a fenced pod is told to stop at half of the lease and is gone at two thirds of it; its neighbour goes on", async () => {
  const w = await leased();
  await cut(w, 18_000);
  assert.deepEqual(w.workers.started[fenced]?.commands, [{ type: "stop", reason: "node_lost" }]);
  assert.equal(w.workers.started[fenced]?.terminated, false);
  await w.clock.advance(2_500);
  assert.equal(w.workers.started[fenced]?.terminated, true);
  await w.workers.started[fenced]?.exit();
  assert.deepEqual([w.workers.started[other]?.commands, w.workers.started[other]?.terminated], [[], false]);
});

test("it says no status and is not held any more: the server places it anew", async () => {
  const w = await leased();
  await cut(w, 20_500);
  await w.workers.started[fenced]?.exit();
  await mended(w);
  assert.deepEqual(w.socket.last("node:register").pods, [{ podId: OTHER, incarnation: INCARNATION, status: "running" }]);
  assert.deepEqual(statuses(w), []);
});

test("beats that are answered with a lease keep it; answers without one do not", async () => {
  const w = await leased();
  const beats = async (n: number, payload: object) => {
    for (let i = 0; i < n; i++) {
      await w.clock.advance(10_000);
      const { correlationId } = JSON.parse(w.socket.sent.at(-1) ?? "{}") as { correlationId?: string };
      await w.socket.deliver(JSON.stringify({ ...golden("server/node-heartbeat-ack"), payload, correlationId }));
    }
  };
  await beats(6, { leaseMs: LEASE_MS });
  assert.deepEqual(w.workers.started[fenced]?.commands, []);
  await beats(3, {});
  assert.equal(w.workers.started[fenced]?.terminated, true);
});

test("a machine that slept for longer than its lease ends them when it wakes, without a grace period", async () => {
  const w = await leased();
  w.clock.sleepThrough(3_600_000);
  await w.clock.advance(1);
  assert.equal(w.workers.started[fenced]?.terminated, true);
  assert.equal(w.workers.started[other]?.terminated, false);
});

test("one that a user stops meanwhile is still reported, and its grace period is cut short", async () => {
  const w = await leased();
  await stop(w, "stopped_by_user", { gracePeriodMs: 600_000 });
  w.socket.news();
  await cut(w, 20_500);
  assert.equal(w.workers.started[fenced]?.terminated, true);
  await w.workers.started[fenced]?.exit();
  await mended(w);
  assert.deepEqual(statuses(w), ["stopping stopped_by_user", "stopped stopped_by_user"]);
});

test("a server that promises no lease fences nothing", async () => {
  const w = await registered();
  await assign(w, { metadata: { [FENCED]: true } });
  await acknowledge(w, "starting");
  await w.workers.last.post({ type: "running" });
  await cut(w, 600_000);
  assert.equal(w.workers.last.terminated, false);
});
