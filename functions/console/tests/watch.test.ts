import assert from "node:assert/strict";
import test from "node:test";
import { ago } from "../src/lib/format.ts";
import { follow, FrameReader, merge, type Change } from "../src/lib/watch.ts";

const frame = (event: string, id: string, data: unknown) => `event: ${event}\nid: ${id}\ndata: ${JSON.stringify(data)}\n\n`;
const upsert = (id: string, revision: number): Change => ({ kind: "pods", type: "upsert", object: { id, revision } });

/** Runs against streams that say these texts, one stream each; an Error is a refusal. Ends after the last. */
async function run(streams: (string | Error)[]) {
  const end = new AbortController();
  const did: string[] = [];
  const pauses: number[] = [];
  await follow({
    open: async (cursor) => {
      did.push(`open ${cursor}`);
      const said = streams.shift();
      if (said instanceof Error) throw said;
      return new Blob([said ?? ""]).stream();
    },
    list: async () => void did.push("list"),
    apply: (change) => void did.push(`${change.type} ${change.object?.id ?? change.id}`),
    live: (is) => void did.push(is ? "live" : "lost"),
    wait: async (ms) => {
      pauses.push(ms);
      if (!streams.length) end.abort();
    },
    random: () => 1,
    signal: end.signal,
  });
  return { did, pauses };
}

test("frames are whole, however the bytes are cut", () => {
  const text = frame("ready", "c1", { cursor: "c1" }) + ": keep-alive\nid: c2\n\n" + frame("bye", "c2", {});
  for (let cut = 0; cut <= text.length; cut++) {
    const reader = new FrameReader();
    const frames = [...reader.push(text.slice(0, cut)), ...reader.push(text.slice(cut))];
    assert.deepEqual(frames.map((f) => [f.event, f.id]), [["ready", "c1"], ["", "c2"], ["bye", "c2"]]);
  }
});

test("it lists once it is ready, applies what changes, and goes on from where it was", async () => {
  const { did } = await run([
    frame("ready", "c1", { cursor: "c1" }) + frame("change", "c2", upsert("a", 1)) + ": keep-alive\nid: c3\n\n" + frame("bye", "c3", {}),
    frame("ready", "c3", { cursor: "c3" }) + frame("change", "c4", { kind: "pods", type: "delete", id: "a" }),
  ]);
  assert.deepEqual(did, ["open ", "list", "live", "upsert a", "lost", "open c3", "live", "delete a", "lost"]);
});

test("told to resync, it lists again", async () => {
  const { did } = await run([frame("ready", "c1", {}), frame("resync", "c9", {})]);
  assert.deepEqual(did, ["open ", "list", "live", "lost", "open c1", "list", "live", "lost"]);
});

test("refused, it waits longer each time, up to a bound, and not after a stream that was good", async () => {
  const refused = Array.from({ length: 7 }, () => new Error("503"));
  const { pauses } = await run([...refused, frame("ready", "c1", {})]);
  assert.deepEqual(pauses, [500, 1000, 2000, 4000, 8000, 15000, 15000, 500]);
});

test("an older revision does not replace a newer one", () => {
  const pods = new Map<string, { id: string; revision: number }>();
  for (const revision of [2, 1, 3]) merge(pods, upsert("a", revision));
  assert.equal(pods.get("a")?.revision, 3);
  merge(pods, { kind: "pods", type: "delete", id: "a" });
  assert.equal(pods.size, 0);
});

test("times are for people", () => {
  const now = Date.parse("2026-01-02T00:00:00Z");
  assert.deepEqual(["2026-01-02T00:00:01Z", "2026-01-01T23:59:30Z", "2026-01-01T22:00:00Z"].map((at) => ago(at, now)), ["now", "30s ago", "2h ago"]);
});
