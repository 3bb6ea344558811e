import assert from "node:assert/strict";
import test from "node:test";
import { tone } from "../src/lib/format.ts";
import { rollout } from "../src/lib/rollout.ts";

const since = "2026-01-01T00:00:00Z";
const condition = (type: string, status: boolean, reason: string, message = "") => ({ type, status, reason, message, since });
const deployment = (over: Partial<Parameters<typeof rollout>[0]>) => ({ generation: 2, observedGeneration: 2, paused: false, status: {}, ...over });

test("a rollout's word is the control loop's reason", () => {
  const words = ["Complete", "RollingOut", "ProgressDeadlineExceeded", "CrashLoop", "RolledBack"]
    .map((reason) => rollout(deployment({ status: { conditions: [condition("Progressing", true, reason)] } })).word);
  assert.deepEqual(words, ["rolled out", "rolling out", "stuck", "crash loop", "taken back"]);
  assert.deepEqual(words.map(tone), ["good", "accent", "bad", "bad", "warn"]);
  assert.equal(rollout(deployment({ status: { conditions: [condition("Progressing", true, "Later")] } })).word, "Later", "one that is not known yet is shown as it is");
});

test("what stops it comes first", () => {
  const status = { conditions: [condition("Failing", true, "QUOTA_EXCEEDED", "the quota is used up"), condition("Progressing", true, "RollingOut")] };
  assert.equal(rollout(deployment({ generation: 3, status })).word, "pending", "a change that nobody has seen is no failure of it");
  assert.deepEqual(rollout(deployment({ status, paused: true })), { word: "failing", text: "the quota is used up" });
  assert.equal(rollout(deployment({ paused: true, status: { conditions: [condition("Failing", false, ""), condition("Progressing", true, "Complete")] } })).word, "paused");
  assert.equal(rollout(deployment({})).word, "pending");
});
