/** What packs keep: the space of one namespace and pack, its limits, and the other side of it in the worker. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { StorageRequest, WorkerMessage } from "../../core/pack/messages.ts";
import { parseWorkerMessage } from "../../core/pack/messages.ts";
import { StorageClient } from "../../core/pack/storage.ts";
import { Storage, STORAGE_LIMITS } from "../../core/storage.ts";
import { FakeKeyValues } from "../support/fakes.ts";

test("spaces are apart by namespace and by pack", async () => {
  const storage = new Storage(new FakeKeyValues());
  await storage.of("a", "pack").ask({ op: "set", key: "k", json: "1" });
  assert.deepEqual(await storage.of("a", "pack").ask({ op: "get", key: "k" }), { json: "1" });
  for (const [namespace, pack] of [
    ["b", "pack"],
    ["a", "other"],
  ] as const)
    assert.deepEqual(await storage.of(namespace, pack).ask({ op: "get", key: "k" }), {});
});

test("what was kept before counts", async () => {
  const values = new FakeKeyValues();
  for (let n = 0; n < STORAGE_LIMITS.keys; n++) values.values.set(`a/pack k${n}`, "0");
  const space = new Storage(values).of("a", "pack");
  assert.match((await space.ask({ op: "set", key: "one more", json: "0" })).error ?? "", /at most 1000 keys/);
  assert.deepEqual(await space.ask({ op: "set", key: "k0", json: "1" }), {}, "one that is there can be replaced");
  assert.deepEqual(await space.ask({ op: "delete", key: "k1" }), { existed: true });
  assert.deepEqual(await space.ask({ op: "set", key: "one more", json: "0" }), {});
});

test("all of it has a limit, and replacing a value frees what it took", async () => {
  const space = new Storage(new FakeKeyValues()).of("a", "pack");
  const big = JSON.stringify("x".repeat(STORAGE_LIMITS.valueBytes - 2));
  const fits = STORAGE_LIMITS.totalBytes / STORAGE_LIMITS.valueBytes;
  for (let n = 0; n < fits; n++) assert.deepEqual(await space.ask({ op: "set", key: `k${n}`, json: big }), {});
  assert.match((await space.ask({ op: "set", key: "more", json: "1" })).error ?? "", /at most 16777216 bytes/);
  assert.deepEqual(await space.ask({ op: "set", key: "k0", json: "1" }), {});
  assert.deepEqual(await space.ask({ op: "set", key: "more", json: "1" }), {});
});

test("requests at one moment are answered in their order, and one that fails does not end the others", async () => {
  const values = new FakeKeyValues();
  const space = new Storage(values).of("a", "pack");
  const requests: StorageRequest[] = [
    { op: "set", key: "k", json: "1" },
    { op: "get", key: "k" },
    { op: "set", key: "k", json: "2" },
    { op: "get", key: "k" },
  ];
  assert.deepEqual(await Promise.all(requests.map((request) => space.ask(request))), [{}, { json: "1" }, {}, { json: "2" }]);
  values.broken = true;
  assert.deepEqual(await space.ask({ op: "get", key: "k" }), { error: "storage: the disk is gone" });
  values.broken = false;
  assert.deepEqual(await space.ask({ op: "get", key: "k" }), { json: "2" });
});

test("in the worker: answers find their questions, in any order", async () => {
  const posted: WorkerMessage[] = [];
  const client = new StorageClient((message) => posted.push(message));
  const [one, two, three] = [client.face.get("one"), client.face.list("t"), client.face.delete("three")];
  const refused = assert.rejects(client.face.set("four", 4), /^Error: full$/);
  await Promise.resolve();
  assert.deepEqual(posted, [
    { type: "storage", id: 1, request: { op: "get", key: "one" } },
    { type: "storage", id: 2, request: { op: "list", prefix: "t" } },
    { type: "storage", id: 3, request: { op: "delete", key: "three" } },
    { type: "storage", id: 4, request: { op: "set", key: "four", json: "4" } },
  ]);
  client.answered(4, { error: "full" });
  client.answered(2, { keys: ["two"] });
  client.answered(1, { json: "[1]" });
  client.answered(3, {});
  client.answered(99, {});
  assert.deepEqual(await Promise.all([one, two, three]), [[1], ["two"], false]);
  await refused;
});

test("requests that are none are not taken from a worker", () => {
  for (const request of [
    { op: "get" },
    { op: "get", key: 1 },
    { op: "set", key: "k" },
    { op: "set", key: "k", json: 1 },
    { op: "list" },
    { op: "drop", key: "k" },
    null,
  ])
    assert.equal(parseWorkerMessage({ type: "storage", id: 1, request }), undefined, JSON.stringify(request));
  assert.equal(parseWorkerMessage({ type: "storage", id: 0, request: { op: "get", key: "k" } }), undefined);
});
