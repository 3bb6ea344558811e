/** The parts of a worker that can be looked at without one. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { WorkerMessage } from "../../core/pack/messages.ts";
import { limitsOf } from "../../node/launcher.ts";
import { isCommonJs } from "../../node/worker/load.ts";
import { MAX_IN_FLIGHT, Output } from "../../node/worker/output.ts";

for (const [source, commonJs] of [
  ["module.exports = () => 1;", true],
  ["exports.default = 1; import('node:fs');", true],
  ["#!/usr/bin/env node\nmodule.exports = 1", true],
  ["// export default 1\nmodule.exports = `import x from 'y'`", true],
  ["return; module.exports = 1", true],
  ["", true],
  ["export default 1", false],
  ["import x from 'y'; module.exports = x", false],
  ["const a = 1; export { a as default }", false],
  ["await 1", false],
  ["console.log(import.meta.url)", false],
  ["export default () => {", false],
] as const) {
  test(`${JSON.stringify(source)} is ${commonJs ? "CommonJS" : "a module"}`, () => assert.equal(isCommonJs(source), commonJs));
}

function output() {
  const posted: WorkerMessage[] = [];
  const inFlight = new Int32Array(new SharedArrayBuffer(4));
  return { posted, inFlight, out: new Output("stdout", inFlight, (message) => void posted.push(message)) };
}

const texts = (posted: WorkerMessage[]) =>
  posted.map((message) => (message.type === "output" ? [message.text, message.dropped ?? 0] : message.type));

test("output beyond what the agent has taken is dropped in whole lines, and counted", () => {
  const { posted, inFlight, out } = output();
  out.write("first\n");
  assert.equal(Atomics.load(inFlight, 0), 6);
  Atomics.store(inFlight, 0, MAX_IN_FLIGHT - 4);
  out.write("ab\ncd\nef\ngh");
  out.write("ij\n");
  assert.deepEqual(texts(posted), [
    ["first\n", 0],
    ["ab\n", 0],
  ]);
  Atomics.store(inFlight, 0, 0);
  out.write("later\n");
  out.flush();
  assert.deepEqual(texts(posted).slice(2), [["later\n", 4]]);
});

test("a line that was begun before others were dropped ends there", () => {
  const { posted, inFlight, out } = output();
  out.write("begun");
  Atomics.store(inFlight, 0, MAX_IN_FLIGHT);
  out.write(" and lost\n");
  Atomics.store(inFlight, 0, 0);
  out.write("next\n");
  assert.deepEqual(texts(posted), [
    ["begun", 0],
    ["\nnext\n", 1],
  ]);
});

test("what was dropped at the very end is said too", () => {
  const { posted, inFlight, out } = output();
  Atomics.store(inFlight, 0, MAX_IN_FLIGHT);
  out.write("lost\n");
  out.flush();
  out.flush();
  assert.deepEqual(texts(posted), [["", 1]]);
});

test("characters that are cut between writes are whole again", () => {
  const { posted, out } = output();
  const bytes = Buffer.from("é🐿");
  for (const byte of bytes) out.write(Buffer.from([byte]));
  assert.equal(
    texts(posted)
      .map(([text]) => text)
      .join(""),
    "é🐿",
  );
});

test("a pod's memory becomes a heap that is no larger", () => {
  for (const mib of [16, 64, 128, 1024, 16_384]) {
    const { maxOldGenerationSizeMb = 0, maxYoungGenerationSizeMb = 0 } = limitsOf(mib * 2 ** 20);
    assert.equal(maxOldGenerationSizeMb + maxYoungGenerationSizeMb, mib);
    assert.ok(maxYoungGenerationSizeMb >= 2 && maxYoungGenerationSizeMb <= 32);
  }
  assert.equal(limitsOf(1).maxOldGenerationSizeMb, 14, "what a thread needs to start");
});
