import assert from "node:assert/strict";
import { test } from "node:test";
import { Backoff, sleep } from "../../core/backoff.ts";
import { CancelSource } from "../../core/cancel.ts";
import { FakeClock, FakeRandom, settle } from "../support/fakes.ts";

const RANGE = { minMs: 250, maxMs: 15_000 };

test("the ceiling doubles up to its limit", () => {
  const random = new FakeRandom();
  random.value = 1;
  const backoff = new Backoff(random, RANGE);
  assert.deepEqual(
    Array.from({ length: 8 }, () => backoff.next()),
    [250, 500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000],
  );
});

test("the jitter is full: any delay down to none", () => {
  const random = new FakeRandom();
  const backoff = new Backoff(random, RANGE);
  random.value = 0;
  assert.equal(backoff.next(), 0);
  random.value = 0.5;
  assert.equal(backoff.next(), 250);
});

test("a thousand failures later it still is a number", () => {
  const random = new FakeRandom();
  random.value = 1;
  const backoff = new Backoff(random, RANGE);
  for (let i = 0; i < 2_000; i++) backoff.next();
  assert.equal(backoff.next(), 15_000);
});

test("reset starts anew, spread raises the ceiling and no further", () => {
  const random = new FakeRandom();
  random.value = 1;
  const backoff = new Backoff(random, RANGE);
  backoff.next();
  backoff.next();
  backoff.reset();
  assert.equal(backoff.next(), 250);
  backoff.reset();
  backoff.spread(1_000);
  assert.equal(backoff.next(), 1_000);
  backoff.spread(1_000_000);
  assert.equal(backoff.next(), 15_000);
});

test("sleep ends when its time has come, or at once when cancelled", async () => {
  const clock = new FakeClock();
  let slept = false;
  void sleep(clock, 100).then(() => (slept = true));
  await clock.advance(99);
  assert.equal(slept, false);
  await clock.advance(1);
  assert.equal(slept, true);

  const cancel = new CancelSource();
  const cancelled = assert.rejects(sleep(clock, 100, cancel), { name: "Cancelled" });
  cancel.cancel();
  await cancelled;
  await settle();
  assert.equal(clock.nextIn, undefined, "its timer is gone");
});
