/** Liveness, and the packs that are asked for it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { HealthCheck } from "../../core/health.ts";
import { FakeClock } from "../support/fakes.ts";

function watch(): { clock: FakeClock; check: HealthCheck; seen: { asked: number; gaveUp: string[] } } {
  const clock = new FakeClock();
  const seen = { asked: 0, gaveUp: [] as string[] };
  const check = new HealthCheck(
    clock,
    () => void seen.asked++,
    (why) => seen.gaveUp.push(why),
  );
  check.start();
  return { clock, check, seen };
}

test("one that answers is asked every ten seconds and left alone", async () => {
  const { clock, check, seen } = watch();
  for (let round = 1; round <= 10; round++) {
    await clock.advance(10_000);
    assert.equal(seen.asked, round);
    check.answered(undefined);
  }
  assert.deepEqual(seen.gaveUp, []);
});

test("silence three times in a row is the end, once", async () => {
  const { clock, seen } = watch();
  await clock.advance(39_999);
  assert.deepEqual(seen.gaveUp, []);
  await clock.advance(60_000);
  assert.deepEqual(seen.gaveUp, ["3 times in a row: health() did not answer within 10 s"]);
  assert.equal(clock.nextIn, undefined);
});

test("a problem now and then is none", async () => {
  const { clock, check, seen } = watch();
  for (const problem of ["cold", "cold", undefined, "cold", "cold", undefined, "hot", "hot", "hot"]) {
    await clock.advance(10_000);
    check.answered(problem);
  }
  assert.deepEqual(seen.gaveUp, ["3 times in a row: hot"]);
});

test("one that has stopped is not asked", async () => {
  const { clock, check, seen } = watch();
  check.stop();
  await clock.advance(60_000);
  assert.equal(seen.asked, 0);
});
