import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeAgentFrame, decodeEnvelope, decodeServerFrame, encodeFrame, encodeServerFrame, FrameError } from "../../core/frame.ts";
import { agentPayloads, MAX_FRAME_BYTES, serverPayloads } from "../../core/protocol.ts";
import { goldens } from "../support/goldens.ts";

for (const { name, text } of goldens("agent")) {
  test(`agent/${name}: what the agent encodes is the golden frame`, () => {
    const { type, payload, correlationId } = decodeAgentFrame(text);
    const golden: unknown = JSON.parse(text);
    const now = Date.parse(decodeEnvelope(text).timestamp);
    assert.deepEqual(JSON.parse(encodeFrame(type, payload, now, correlationId)), golden);
  });
}

for (const { name, text } of goldens("server")) {
  test(`server/${name}: is understood to its last field`, () => {
    const { type, payload, correlationId } = decodeServerFrame(text);
    const now = Date.parse(decodeEnvelope(text).timestamp);
    assert.deepEqual(JSON.parse(encodeServerFrame(type, payload, now, correlationId)), JSON.parse(text));
  });
}

for (const { name, text } of goldens("agent/invalid")) {
  test(`agent/invalid/${name}: is refused`, () => assert.throws(() => decodeAgentFrame(text), problemOf(name)));
}

for (const { name, text } of goldens("server/invalid")) {
  test(`server/invalid/${name}: is refused`, () => assert.throws(() => decodeServerFrame(text), problemOf(name)));
}

function problemOf(name: string) {
  const problem = name.startsWith("envelope.") ? "envelope" : "payload";
  return (error: unknown) => error instanceof FrameError && error.problem === problem;
}

test("every type of frame has a golden one and every payload a malformed one", () => {
  const types = (dir: string) => new Set(goldens(dir).map(({ name }) => name.split(".")[0]));
  const file = (type: string) => type.replaceAll(":", "-");
  assert.deepEqual(types("agent"), new Set(Object.keys(agentPayloads).map(file)));
  assert.deepEqual(types("server"), new Set(Object.keys(serverPayloads).map(file)));
  const anyPayload = "node:heartbeat:ack"; // has no field that could be wrong
  assert.deepEqual(types("agent/invalid"), new Set(["envelope", ...Object.keys(agentPayloads).map(file)]));
  assert.deepEqual(
    types("server/invalid"),
    new Set([
      "envelope",
      ...Object.keys(serverPayloads)
        .filter((type) => type !== anyPayload)
        .map(file),
    ]),
  );
});

test("an unknown type is told apart, and its correlation id is kept", () => {
  const text = JSON.stringify({ type: "node:sing", payload: {}, timestamp: "2026-11-24T08:34:00Z", correlationId: "c-1" });
  assert.throws(
    () => decodeServerFrame(text),
    (error: unknown) => error instanceof FrameError && error.problem === "type" && error.correlationId === "c-1",
  );
  assert.throws(() => decodeServerFrame(text.replace("node:sing", "__proto__")), { problem: "type" });
});

test("unknown fields are ignored", () => {
  const text = JSON.stringify({ type: "node:heartbeat:ack", payload: { newer: 1 }, timestamp: "2026-11-24T08:34:00Z", newer: true });
  assert.deepEqual(decodeServerFrame(text), { type: "node:heartbeat:ack", payload: {} });
});

test("a binary message and one that is too large are no frames", () => {
  assert.throws(() => decodeServerFrame(undefined), { problem: "envelope" });
  const wide = "é".repeat(MAX_FRAME_BYTES / 2); // fewer characters than bytes
  assert.throws(() => decodeServerFrame(encodeServerFrame("error", { code: "X", message: wide }, 0)), {
    problem: "envelope",
    message: /at most 1048576 bytes/,
  });
});

test("what is wrong is said without quoting the frame", () => {
  const text = JSON.stringify({ type: "auth:authenticate", payload: { token: 5, protocol: "secret" }, timestamp: "2026-11-24T08:34:00Z" });
  assert.throws(() => decodeAgentFrame(text), { message: "auth:authenticate: token must be a string" });
});
