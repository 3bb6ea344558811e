import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { CredentialsFile, DiskCache, scratchDirectory, writeAtomically } from "../../node/files.ts";
import { bytesOf } from "../support/fakes.ts";

async function place(t: TestContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "stark-agent-"));
  t.after(() => rm(dir, { recursive: true }));
  return dir;
}

const digest = (digit: string) => digit.repeat(64);

test("the cache keeps bundles by digest, for its owner alone", async (t) => {
  const dir = join(await place(t), "not there yet", "cache");
  const cache = new DiskCache(dir);
  assert.equal(await cache.get(digest("a")), undefined);
  await cache.delete(digest("a"));
  await cache.put(digest("a"), bytesOf("code"));
  assert.deepEqual(await cache.get(digest("a")).then((bytes) => bytes && Buffer.from(bytes).toString()), "code");
  assert.equal((await stat(join(dir, digest("a")))).mode & 0o777, 0o600);
  assert.deepEqual(await readdir(dir), [digest("a")], "no temporary file is left");
  await cache.delete(digest("a"));
  assert.equal(await cache.get(digest("a")), undefined);
});

test("the cache is bounded: what was not used for longest goes, what was just put stays", async (t) => {
  const dir = await place(t);
  const cache = new DiskCache(dir, 10);
  await cache.put(digest("a"), bytesOf("aaaa"));
  await cache.put(digest("b"), bytesOf("bbbb"));
  const old = new Date(Date.now() - 60_000);
  for (const one of ["a", "b"]) await utimes(join(dir, digest(one)), old, old);
  await cache.get(digest("a")); // used just now
  await cache.put(digest("c"), bytesOf("cccc"));
  assert.deepEqual((await readdir(dir)).sort(), [digest("a"), digest("c")]);
  await cache.put(digest("d"), bytesOf("d".repeat(20)));
  assert.deepEqual(await readdir(dir), [digest("d")]);
});

test("a write that fails leaves what was there, and nothing beside it", async (t) => {
  const dir = await place(t);
  await mkdir(join(dir, "taken")); // a directory cannot be replaced by a file
  await assert.rejects(writeAtomically(join(dir, "taken"), "x", 0o600));
  assert.deepEqual(await readdir(dir), ["taken"]);
});

test("credentials are read, and written back whole, private and with what else was there", async (t) => {
  const path = join(await place(t), "node.json");
  await writeFile(
    path,
    JSON.stringify({ supabaseUrl: "http://127.0.0.1:54321/", anonKey: "k", email: "e", password: "p", note: "mine", accessToken: "" }),
    { mode: 0o644 },
  );
  const file = new CredentialsFile(path);
  const loaded = await file.load();
  assert.deepEqual(loaded, { supabaseUrl: "http://127.0.0.1:54321", anonKey: "k", email: "e", password: "p" });
  await file.save({ ...loaded, accessToken: "a1", refreshToken: "r1" });
  assert.deepEqual(JSON.parse(await readFile(path, "utf8")), {
    supabaseUrl: "http://127.0.0.1:54321",
    anonKey: "k",
    email: "e",
    password: "p",
    note: "mine",
    accessToken: "a1",
    refreshToken: "r1",
  });
  assert.equal((await stat(path)).mode & 0o777, 0o600);
  assert.equal((await file.load()).refreshToken, "r1");
});

for (const [what, text, says] of [
  ["no JSON", "password: hunter2", /cannot be used: it is not JSON$/],
  ["no object", "[]", /not a JSON object/],
  ["no URL", `{"anonKey":"k","accessToken":"t"}`, /supabaseUrl must be a URL/],
  ["no key", `{"supabaseUrl":"http://x","accessToken":"t"}`, /anonKey is missing/],
  [
    "nothing to prove anything with",
    `{"supabaseUrl":"http://x","anonKey":"k","email":"e"}`,
    /no accessToken, no refreshToken, and no email with password/,
  ],
] as const) {
  test(`a credentials file with ${what}`, async (t) => {
    const path = join(await place(t), "node.json");
    await writeFile(path, text);
    await assert.rejects(
      new CredentialsFile(path).load(),
      (error: Error) => says.test(error.message) && error.message.includes(path) && !error.message.includes("hunter2"),
    );
  });
}

test("a credentials file that is not there is named", async (t) => {
  const path = join(await place(t), "none.json");
  await assert.rejects(new CredentialsFile(path).load(), new RegExp(`the credentials file ${path} cannot be read: ENOENT`));
});

test("files of processes that are no more are removed, those of others are left alone", async (t) => {
  const dir = join(await place(t), "run");
  const child = spawn(process.execPath, ["-e", ""]);
  await once(child, "exit");
  await mkdir(join(dir, `${child.pid}-gone`, "pod"), { recursive: true });
  await mkdir(join(dir, `${process.pid}-before`)); // a container gives the same number to each of its starts
  await mkdir(join(dir, `${process.ppid}-alive`));
  await mkdir(join(dir, "something else"));
  const own = await scratchDirectory(dir);
  const names = await readdir(dir);
  assert.deepEqual(names.filter((name) => !own.endsWith(name)).sort(), [`${process.ppid}-alive`, "something else"].sort());
  assert.equal((await stat(own)).mode & 0o777, 0o700);
});
