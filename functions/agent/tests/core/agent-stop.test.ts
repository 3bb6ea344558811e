/** Stopping, moving and reconnecting. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { HttpResponse } from "../../core/ports.ts";
import { answer, deferred, settle, START } from "../support/fakes.ts";
import {
  acknowledge,
  assign,
  deliver,
  INCARNATION,
  POD,
  reconnect,
  registered,
  running,
  statuses,
  stop,
  come,
  OTHER,
} from "../support/world.ts";

test("a stop is graceful: stopping, the command, and stopped when it has", async () => {
  const w = await running();
  await stop(w, "stopped_by_user");
  assert.deepEqual(statuses(w), ["stopping stopped_by_user"]);
  assert.deepEqual(w.workers.last.commands, [{ type: "stop", reason: "stopped_by_user" }]);
  await w.clock.advance(9_999);
  assert.equal(w.workers.last.terminated, false);
  await w.workers.last.post({ type: "done", result: '"bye"' });
  await w.workers.last.exit();
  assert.equal(w.socket.last("pod:status").result, "bye");
  assert.deepEqual(statuses(w), ["stopped stopped_by_user"]);
});

test("a pack that does not stop is terminated when its grace period is over, and that is said", async () => {
  const w = await running();
  await stop(w, "stopped_by_user", { gracePeriodMs: 3_000 });
  await w.clock.advance(3_000);
  assert.equal(w.workers.last.terminated, true);
  await w.workers.last.exit();
  assert.match(w.socket.last("pod:status").message ?? "", /did not stop within 3000 ms and was terminated/);
  assert.deepEqual(statuses(w), ["stopping stopped_by_user", "stopped stopped_by_user"]);
});

test("without a grace period it is terminated at once", async () => {
  const w = await running();
  await stop(w, "evicted", { gracePeriodMs: 0 });
  assert.equal(w.workers.last.terminated, true);
  assert.deepEqual(w.workers.last.commands, []);
  await w.workers.last.exit();
  assert.deepEqual(statuses(w), ["stopping evicted", "stopped evicted"]);
});

test("a stop that comes again changes nothing but the time that is left", async () => {
  const w = await running();
  await stop(w, "stopped_by_user", { gracePeriodMs: 60_000 });
  await stop(w, "stopped_by_user", { gracePeriodMs: 1_000 });
  await w.clock.advance(1_000);
  assert.equal(w.workers.last.terminated, true);
  assert.equal(w.workers.last.commands.length, 1);
  await w.workers.last.exit();
  assert.deepEqual(statuses(w), ["stopping stopped_by_user", "stopped stopped_by_user"]);
});

for (const exit of [
  { kind: "exit", code: 3 },
  { kind: "error", error: new Error("late") },
  { kind: "oom", message: "m" },
] as const) {
  test(`a pack that ends by ${exit.kind} while it is to stop has stopped`, async () => {
    const w = await running();
    await stop(w, "stopped_by_user");
    await w.workers.last.exit(exit);
    assert.deepEqual(statuses(w), ["stopping stopped_by_user", "stopped stopped_by_user"]);
  });
}

test("a pack that was done before the stop came keeps its end", async () => {
  const w = await running();
  await w.workers.last.post({ type: "done", result: "1" });
  await stop(w, "stopped_by_user");
  await w.workers.last.exit();
  assert.deepEqual(statuses(w), ["stopped completed"]);
});

test("stop while the bundle is fetched: it never runs", async () => {
  const w = await registered();
  const download = deferred<HttpResponse>();
  w.http.handler = deliver(() => download.promise);
  await assign(w);
  await acknowledge(w, "starting");
  await stop(w, "stopped_by_user");
  assert.deepEqual(statuses(w), ["starting", "stopped stopped_by_user"]);
  download.resolve(answer(200, "hello"));
  await w.clock.advance(60_000);
  assert.equal(w.workers.started.length, 0);
});

test("stop while the claim is on its way: it never runs, even if the claim is then accepted", async () => {
  const w = await registered();
  await assign(w);
  await stop(w, "stopped_by_user");
  assert.deepEqual(statuses(w), ["starting", "stopped stopped_by_user"]);
  await acknowledge(w, "starting");
  await acknowledge(w, "stopped");
  assert.equal(w.workers.started.length, 0);
});

test("stop while the worker is made: it is told as soon as it is there", async () => {
  const w = await registered();
  const hold = deferred<void>();
  w.workers.hold = hold.promise;
  await assign(w);
  await acknowledge(w, "starting");
  await stop(w, "stopped_by_user");
  hold.resolve();
  await settle();
  assert.deepEqual(w.workers.last.commands, [{ type: "stop", reason: "stopped_by_user" }]);
  await come(w);
  assert.deepEqual(statuses(w), ["starting", "stopping stopped_by_user", "stopped stopped_by_user"]);
});

test("stale: terminated at once and without a word", async () => {
  const w = await running();
  await stop(w, "stale", { gracePeriodMs: 10_000 });
  assert.equal(w.workers.last.terminated, true);
  await w.workers.last.exit();
  assert.deepEqual(statuses(w), []);
  assert.equal(w.agent.podCount, 0);
});

test("deleted: its grace period, and no word", async () => {
  const w = await running();
  await stop(w, "deleted");
  assert.equal(w.workers.last.terminated, false);
  assert.equal(w.workers.last.commands.length, 1);
  await come(w);
  assert.deepEqual(statuses(w), []);
});

test("a stop of an earlier incarnation leaves the present one alone; one of a later incarnation does not", async () => {
  const w = await running();
  await stop(w, "stale", { incarnation: INCARNATION - 1 });
  await stop(w, "stopped_by_user", { incarnation: INCARNATION - 1 });
  assert.deepEqual(statuses(w), []);
  assert.equal(w.workers.last.terminated, false);
  await stop(w, "stopped_by_user", { incarnation: INCARNATION + 1 });
  assert.equal(w.workers.last.terminated, true);
  await w.workers.last.exit();
  assert.deepEqual(statuses(w), ["#4 stopped stopped_by_user"]);
});

test("a stop for a pod that never came here is answered, so that it comes to its end", async () => {
  const w = await registered();
  await stop(w, "stopped_by_user");
  assert.deepEqual(statuses(w), ["stopped stopped_by_user"]);
  await assign(w); // on its way when the stop was decided
  await stop(w, "stopped_by_user");
  for (const reason of ["stale", "deleted"]) await stop(w, reason, { podId: OTHER });
  await w.clock.advance(1_000);
  assert.deepEqual(statuses(w), []);
  assert.equal(w.workers.started.length, 0);
});

test("a higher incarnation replaces a lower one, whose worker goes first", async () => {
  const w = await running();
  const old = w.workers.last;
  await assign(w, { incarnation: INCARNATION + 1 });
  assert.equal(old.terminated, true);
  await acknowledge(w, "starting", { incarnation: INCARNATION + 1 });
  assert.equal(w.workers.started.length, 1, "not while the old worker lives");
  await old.exit();
  assert.deepEqual(
    w.workers.alive.map(({ spec }) => spec.identity.incarnation),
    [INCARNATION + 1],
  );
  assert.deepEqual(statuses(w), ["#4 starting"]);
});

test("one that is replaced before its turn came does not let its successor in before the first is gone", async () => {
  const w = await running();
  const old = w.workers.last;
  for (const incarnation of [4, 5]) {
    await assign(w, { incarnation });
    await acknowledge(w, "starting", { incarnation });
  }
  assert.equal(w.workers.started.length, 1);
  await old.exit();
  assert.deepEqual(
    w.workers.alive.map(({ spec }) => spec.identity.incarnation),
    [5],
  );
});

test("one that was stopped as stale and comes back waits for its own worker", async () => {
  const w = await running();
  const old = w.workers.last;
  await stop(w, "stale");
  await assign(w, { incarnation: 4 });
  await acknowledge(w, "starting", { incarnation: 4 });
  assert.equal(w.workers.started.length, 1);
  await old.exit();
  assert.equal(w.workers.alive.length, 1);
});

test("what was pending of a replaced incarnation is not sent any more", async () => {
  const w = await registered();
  await assign(w);
  await assign(w, { incarnation: 4 });
  await reconnect(w);
  await w.socket.sayGolden("node-registered");
  assert.deepEqual(statuses(w), ["#4 starting"]);
});

test("a status that the server refuses ends the pod here", async () => {
  for (const code of ["STALE_INCARNATION", "POD_NOT_FOUND", "ILLEGAL_TRANSITION"]) {
    const w = await registered();
    await assign(w);
    await acknowledge(w, "starting");
    await w.workers.last.post({ type: "running" });
    await acknowledge(w, "running", { accepted: false, code });
    assert.equal(w.workers.last.terminated, true, code);
    await w.workers.last.exit();
    assert.deepEqual(statuses(w), ["starting", "running"]);
  }
});

test("a repeated status that is illegal because a later one was taken says nothing of the pod", async () => {
  const w = await registered();
  await assign(w);
  await acknowledge(w, "starting");
  await w.workers.last.post({ type: "running" });
  await stop(w, "stopped_by_user");
  await acknowledge(w, "running", { accepted: false, code: "ILLEGAL_TRANSITION" });
  assert.equal(w.workers.last.terminated, false);
  await come(w);
  assert.deepEqual(statuses(w), ["starting", "running", "stopping stopped_by_user", "stopped stopped_by_user"]);
});

test("an end that the database cannot store is said again without its words, so that the pod does not run once more", async () => {
  const w = await running();
  await w.workers.last.post({ type: "done", result: '{"odd":1}', message: "odd" });
  await w.workers.last.exit();
  assert.deepEqual(statuses(w), ["stopped completed"]);
  await acknowledge(w, "stopped", { accepted: false, code: "INVALID" });
  const { result, message, status } = w.socket.last("pod:status");
  assert.deepEqual([result, message, status], [undefined, undefined, "stopped"]);
  assert.deepEqual(statuses(w), ["stopped completed"]);
  await acknowledge(w, "stopped", { accepted: false, code: "INVALID" });
  await w.clock.advance(20_000);
  assert.deepEqual(statuses(w), [], "and that is that");
});

test("a reconnect registers what it holds and repeats what was not acknowledged", async () => {
  const w = await running();
  await assign(w, { podId: OTHER, incarnation: 1 });
  await acknowledge(w, "starting", { podId: OTHER, incarnation: 1 });
  await w.workers.last.post({ type: "running" });
  await w.workers.last.post({ type: "failed", reason: "crashed", message: "no" });
  await w.workers.last.exit();
  await reconnect(w);
  assert.deepEqual(w.socket.last("node:register").pods, [
    { podId: OTHER, incarnation: 1, status: "failed" },
    { podId: POD, incarnation: INCARNATION, status: "running" },
  ]);
  w.socket.news();
  await w.socket.sayGolden("node-registered");
  assert.deepEqual(statuses(w), ["other #1 running", "other #1 failed crashed"]);
  await assign(w); // the server tells what it thinks runs here
  await assign(w, { podId: OTHER, incarnation: 1 });
  assert.equal(w.workers.started.length, 2, "nothing starts twice");
  await acknowledge(w, "running", { podId: OTHER, incarnation: 1 });
  await acknowledge(w, "failed", { podId: OTHER, incarnation: 1 });
  await reconnect(w);
  assert.deepEqual(w.socket.last("node:register").pods, [{ podId: POD, incarnation: INCARNATION, status: "running" }]);
});

test("a claim whose answer was lost is made again, and runs once", async () => {
  const w = await registered();
  await assign(w);
  await reconnect(w);
  assert.deepEqual(w.socket.last("node:register").pods, [{ podId: POD, incarnation: INCARNATION, status: "starting" }]);
  await w.socket.sayGolden("node-registered");
  await assign(w);
  assert.deepEqual(statuses(w), ["starting"]);
  await acknowledge(w, "starting");
  assert.equal(w.workers.started.length, 1);
});

test("a pod that ends without a connection is reported when there is one, lines first", async () => {
  const w = await running();
  await w.socket.end(1006);
  await w.workers.last.print("alone\n", START);
  await come(w);
  for (let i = 0; i < 20 && w.network.sockets.length === 1; i++) await w.clock.advance(w.clock.nextIn ?? 0);
  await w.socket.open();
  await w.socket.sayGolden("auth-authenticated");
  w.socket.news();
  await w.socket.sayGolden("node-registered");
  assert.deepEqual(
    w.socket.news().map(({ type }) => type),
    ["pod:logs", "pod:status"],
  );
});

test("a status without an answer is repeated on the same connection", async () => {
  const w = await registered();
  await assign(w);
  await w.clock.advance(14_999);
  assert.deepEqual(statuses(w), ["starting"]);
  await w.clock.advance(1);
  assert.deepEqual(statuses(w), ["starting"]);
  await acknowledge(w, "starting");
  await w.clock.advance(14_000);
  assert.deepEqual(statuses(w), []);
});

test("stale in the answer to a registration ends what was held", async () => {
  const w = await running();
  await reconnect(w);
  await w.socket.sayGolden("node-registered");
  await stop(w, "stale", { gracePeriodMs: 0 });
  assert.equal(w.workers.last.terminated, true);
});
