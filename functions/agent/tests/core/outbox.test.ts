import assert from "node:assert/strict";
import { test } from "node:test";
import { StatusOutbox } from "../../core/outbox.ts";
import type { PodStatus, StatusReport } from "../../core/protocol.ts";

const RESEND_MS = 1_000;

function report(status: PodStatus, incarnation = 1, podId = "a"): StatusReport {
  return { podId, incarnation, status, at: "2026-11-24T08:34:00.123Z" };
}

function flush(outbox: StatusOutbox, now: number, take = Infinity): string[] {
  const sent: string[] = [];
  outbox.flush(now, RESEND_MS, (one) => {
    if (sent.length >= take) return false;
    sent.push(`${one.podId}/${one.incarnation}/${one.status}`);
    return true;
  });
  return sent;
}

test("statuses go in their order, once a connection until it is time to repeat them", () => {
  const outbox = new StatusOutbox();
  outbox.add(report("starting"));
  outbox.add(report("running"));
  outbox.add(report("running")); // the same again changes nothing
  assert.deepEqual(flush(outbox, 0), ["a/1/starting", "a/1/running"]);
  assert.deepEqual(flush(outbox, RESEND_MS - 1), []);
  assert.deepEqual(flush(outbox, RESEND_MS), ["a/1/starting", "a/1/running"]);
  outbox.rewind();
  assert.deepEqual(flush(outbox, RESEND_MS), ["a/1/starting", "a/1/running"]);
});

test("what could not be sent stays, in order", () => {
  const outbox = new StatusOutbox();
  for (const status of ["starting", "running", "stopped"] as const) outbox.add(report(status));
  assert.deepEqual(flush(outbox, 0, 1), ["a/1/starting"]);
  assert.deepEqual(flush(outbox, 0), ["a/1/running", "a/1/stopped"]);
});

test("an acknowledgement is final whether accepted or not, and counts once", () => {
  const outbox = new StatusOutbox();
  outbox.add(report("starting"));
  outbox.add(report("running"));
  assert.deepEqual(outbox.acknowledge({ ...report("starting"), accepted: true }), report("starting"));
  assert.equal(outbox.acknowledge({ ...report("starting"), accepted: true }), undefined);
  assert.deepEqual(outbox.acknowledge({ ...report("running"), accepted: false, code: "STALE_INCARNATION" }), report("running"));
  assert.equal(outbox.acknowledge({ ...report("running", 2), accepted: true }), undefined, "another incarnation");
  assert.equal(outbox.size, 0);
});

test("it knows which pods have ended, and forgets lower incarnations", () => {
  const outbox = new StatusOutbox();
  outbox.add(report("failed", 1));
  outbox.add(report("running", 2));
  outbox.add(report("stopped", 4, "b"));
  assert.deepEqual(outbox.terminal(), [
    { podId: "a", incarnation: 1, status: "failed" },
    { podId: "b", incarnation: 4, status: "stopped" },
  ]);
  assert.deepEqual([outbox.settled("a"), outbox.settled("b"), outbox.settled("c")], [1, 4, 0]);
  outbox.dropBelow("a", 2);
  assert.deepEqual(flush(outbox, 0), ["a/2/running", "b/4/stopped"]);
});
