import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeFrame } from "../../core/frame.ts";
import { LineSplitter } from "../../core/lines.ts";
import { LogBuffer, type LogBatch, type LogLimits } from "../../core/logs.ts";
import { MAX_FRAME_BYTES, MAX_LOG_LINE_BYTES, MAX_LOG_LINES, type LogLine } from "../../core/protocol.ts";
import { utf8Length } from "../../core/text.ts";

const AT = "2026-11-24T08:34:00.123Z";
const ROOMY: LogLimits = { linesPerPod: 10_000, bytesPerPod: 1 << 20, bytesInAll: 1 << 20 };
const POD = "7d0f4c1e-5b0a-4f0e-9a53-0c1b6d1f2a34";

function line(text: string): LogLine {
  return { at: AT, stream: "stdout", text };
}

function take(buffer: LogBuffer): LogBatch {
  const batch = buffer.take();
  assert.ok(batch);
  return batch;
}

test("lines come out as they went in, at most so many a frame", () => {
  const buffer = new LogBuffer();
  for (let i = 0; i < MAX_LOG_LINES + 2; i++) buffer.add(POD, 1, line(String(i)));
  assert.deepEqual(
    take(buffer).lines.map((one) => Number(one.text)),
    Array.from({ length: MAX_LOG_LINES }, (_, i) => i),
  );
  assert.deepEqual(take(buffer), { podId: POD, incarnation: 1, lines: [line("500"), line("501")] });
  assert.equal(buffer.take(), undefined);
  assert.equal(buffer.empty, true);
});

test("a pod that floods loses its own oldest lines, and how many is said", () => {
  const buffer = new LogBuffer({ ...ROOMY, linesPerPod: 3 });
  for (let i = 0; i < 10; i++) buffer.add("loud", 1, line(String(i)));
  buffer.add("quiet", 1, line("here"));
  assert.deepEqual(take(buffer), { podId: "loud", incarnation: 1, lines: [line("7"), line("8"), line("9")], dropped: 7 });
  assert.deepEqual(take(buffer), { podId: "quiet", incarnation: 1, lines: [line("here")] });
});

test("the whole is bounded too, at the expense of the largest", () => {
  const buffer = new LogBuffer({ ...ROOMY, bytesInAll: 2_000 });
  buffer.add("quiet", 1, line("here"));
  for (let i = 0; i < 100; i++) buffer.add("loud", 1, line("x".repeat(100)));
  assert.deepEqual(take(buffer).lines, [line("here")]);
  const loud = take(buffer);
  assert.ok(loud.lines.length > 5 && loud.lines.length < 15, `${loud.lines.length} lines are left`);
  assert.equal(loud.dropped, 100 - loud.lines.length);
});

test("a frame stays below its limit whatever the lines are made of", () => {
  const buffer = new LogBuffer();
  for (let i = 0; i < 400; i++) buffer.add(POD, 1, line("\u0001".repeat(MAX_LOG_LINE_BYTES))); // six bytes of JSON each
  for (let batch = buffer.take(); batch; batch = buffer.take()) {
    assert.ok(utf8Length(encodeFrame("pod:logs", batch, 0, "pod:logs-1")) <= MAX_FRAME_BYTES);
  }
});

test("pods take turns", () => {
  const buffer = new LogBuffer();
  for (let i = 0; i < MAX_LOG_LINES + 1; i++) buffer.add("a", 1, line("a"));
  buffer.add("b", 1, line("b"));
  assert.deepEqual([take(buffer).podId, take(buffer).podId, take(buffer).podId], ["a", "b", "a"]);
});

test("one pod's lines can be taken or discarded alone, and losses from before count", () => {
  const buffer = new LogBuffer();
  buffer.add("a", 1, line("first"));
  buffer.add("b", 1, line("other"));
  buffer.addDropped("b", 1, 2);
  buffer.addDropped("b", 1, Number.MAX_SAFE_INTEGER); // a pack may claim anything; the frame must stay JSON that Go reads
  assert.deepEqual(buffer.take("b", 1), { podId: "b", incarnation: 1, lines: [line("other")], dropped: Number.MAX_SAFE_INTEGER });
  assert.equal(buffer.take("b", 1), undefined);
  buffer.discard("a", 1);
  assert.equal(buffer.empty, true);
});

function split(...pieces: string[]): string[] {
  const lines: string[] = [];
  const splitter = new LineSplitter((text) => lines.push(text));
  for (const piece of pieces) splitter.write(piece, 0);
  splitter.end();
  return lines;
}

test("lines are cut at line ends, however they come", () => {
  assert.deepEqual(split("a\nb", "c\r\n", "\n", "d"), ["a", "bc", "", "d"]);
  assert.deepEqual(split("a\r", "\nb\n"), ["a", "b"]);
  assert.deepEqual(split(""), []);
});

test("an endless line is cut and costs no more than a line", () => {
  const [first, ...rest] = split(...Array.from({ length: 50 }, () => "é".repeat(1_000)), "\nnext");
  assert.equal(utf8Length(first ?? "") <= MAX_LOG_LINE_BYTES, true);
  assert.match(first ?? "", /^é+…$/);
  assert.deepEqual(rest, ["next"]);
});

test("what Postgres cannot store is replaced", () => {
  assert.deepEqual(split("nul \u0000 half \ud83d end\n"), ["nul \ufffd half \ufffd end"]);
  assert.deepEqual(split("whole 🐿\n"), ["whole 🐿"]);
});
