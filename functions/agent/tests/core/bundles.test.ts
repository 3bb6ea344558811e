import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { BundleError, Bundles } from "../../core/bundles.ts";
import { CancelSource } from "../../core/cancel.ts";
import { ResponseTooLarge, type HttpRequest, type HttpResponse } from "../../core/ports.ts";
import { Tokens } from "../../core/tokens.ts";
import {
  answer,
  bytesOf,
  deferred,
  FakeCache,
  FakeClock,
  FakeCredentials,
  FakeHttp,
  FakeLogger,
  FakeRandom,
  settle,
  sha256,
  START,
  tokenUntil,
} from "../support/fakes.ts";

const CODE = "export default () => 42;";
const TOKEN = tokenUntil(START + 3_600_000, "first");
const bundle = {
  bucket: "packs",
  path: "an owner/näme/1.0.0.js",
  sha256: createHash("sha256").update(CODE).digest("hex"),
  size: CODE.length,
};
const never = new CancelSource();

function world() {
  const clock = new FakeClock();
  const http = new FakeHttp();
  const cache = new FakeCache();
  const log = new FakeLogger();
  const random = new FakeRandom();
  const store = new FakeCredentials({ supabaseUrl: "http://supabase.test", anonKey: "anon-key", accessToken: TOKEN, refreshToken: "r" });
  const tokens = new Tokens({ http: http.fetch, store, clock, log });
  const bundles = new Bundles({ http: http.fetch, cache, sha256, tokens, clock, random, log });
  http.handler = storage({});
  return { clock, http, cache, log, bundles };
}

/** A Storage that signs and delivers; a test replaces one of the two. */
function storage(parts: {
  sign?: (request: HttpRequest) => HttpResponse;
  download?: (request: HttpRequest) => HttpResponse;
  token?: () => HttpResponse;
}) {
  return (request: HttpRequest): HttpResponse => {
    if (request.url.includes("/auth/v1/token")) return (parts.token ?? (() => answer(503, "")))();
    if (request.method === "POST") return (parts.sign ?? (() => answer(200, { signedURL: "/object/sign/packs/x?token=t" })))(request);
    return (parts.download ?? (() => answer(200, CODE)))(request);
  };
}

const notFound = () => answer(400, { statusCode: "404", error: "not_found", message: "Object not found" });

function failure(reason: string, message: RegExp) {
  return (error: unknown) => error instanceof BundleError && error.reason === reason && message.test(error.message);
}

test("it signs with the agent's token, downloads without, and caches what it verified", async () => {
  const { http, cache, bundles } = world();
  assert.deepEqual(await bundles.get(bundle, never), bytesOf(CODE));
  const [sign, download] = http.requests;
  assert.equal(sign?.url, "http://supabase.test/storage/v1/object/sign/packs/an%20owner/n%C3%A4me/1.0.0.js");
  assert.equal(sign?.headers["authorization"], `Bearer ${TOKEN}`);
  assert.equal(sign?.headers["apikey"], "anon-key");
  assert.equal(download?.url, "http://supabase.test/storage/v1/object/sign/packs/x?token=t");
  assert.deepEqual(download?.headers, {});
  assert.equal(download?.maxBytes, bundle.size);
  assert.deepEqual([...cache.files.keys()], [bundle.sha256]);
  await bundles.get(bundle, never);
  assert.equal(http.requests.length, 2, "the second comes from the cache");
});

test("a damaged cache is noticed and mended", async () => {
  const { http, cache, bundles } = world();
  cache.files.set(bundle.sha256, bytesOf("export default () => 43;"));
  assert.deepEqual(await bundles.get(bundle, never), bytesOf(CODE));
  assert.equal(http.requests.length, 2);
  assert.deepEqual(cache.files.get(bundle.sha256), bytesOf(CODE));
});

test("a broken cache costs a download, not the pod", async () => {
  const { cache, log, bundles } = world();
  cache.broken = true;
  assert.deepEqual(await bundles.get(bundle, never), bytesOf(CODE));
  assert.equal(log.lines.filter(({ level }) => level === "warn").length, 2);
});

test("other bytes are never handed out, nor kept", async () => {
  const { http, cache, bundles } = world();
  http.handler = storage({ download: () => answer(200, CODE.replace("42", "43")) });
  await assert.rejects(
    bundles.get(bundle, never),
    failure("digest_mismatch", new RegExp(`sha256 is [0-9a-f]{64}, but ${bundle.sha256} was registered`)),
  );
  http.handler = storage({ download: () => answer(200, "short") });
  await assert.rejects(bundles.get(bundle, never), failure("digest_mismatch", /has 5 bytes, but 24 were registered/));
  http.handler = storage({
    download: () => {
      throw new ResponseTooLarge("too large");
    },
  });
  await assert.rejects(bundles.get(bundle, never), failure("digest_mismatch", /more than the 24 bytes/));
  assert.equal(cache.files.size, 0);
});

test("not found is tried again for a few seconds: the row may not be visible yet", async () => {
  const { clock, http, bundles } = world();
  let asked = 0;
  http.handler = storage({ sign: () => (++asked < 4 ? notFound() : answer(200, { signedURL: "/x" })) });
  const got = bundles.get(bundle, never);
  await clock.advance(3_000);
  assert.deepEqual(await got, bytesOf(CODE));
  assert.equal(asked, 4);
});

test("an object that stays missing is unavailable", async () => {
  const { clock, http, bundles } = world();
  http.handler = storage({ sign: notFound });
  const got = assert.rejects(bundles.get(bundle, never), failure("bundle_unavailable", /signing the bundle's URL: 404 Object not found/));
  await clock.advance(8_000);
  await got;
  assert.ok(http.requests.length > 4, `${http.requests.length} tries`);
});

test("an outage is sat out for longer, and then named", async () => {
  const { clock, http, bundles } = world();
  http.handler = () => {
    throw new Error("connect ECONNREFUSED");
  };
  let failed: unknown;
  bundles.get(bundle, never).catch((error: unknown) => (failed = error));
  await clock.advance(30_000);
  assert.equal(failed, undefined, "still trying after half a minute");
  await clock.advance(31_000);
  assert.ok(failure("bundle_unavailable", /ECONNREFUSED/)(failed));
});

test("what Storage refuses for good is not asked again", async () => {
  const { http, bundles } = world();
  http.handler = storage({ sign: () => answer(400, { statusCode: "400", message: "Invalid key" }) });
  await assert.rejects(bundles.get(bundle, never), failure("bundle_unavailable", /400 Invalid key/));
  assert.equal(http.requests.length, 1);
});

test("a token that Storage refuses is renewed", async () => {
  const { clock, http, bundles } = world();
  const second = tokenUntil(START + 3_600_000, "second");
  http.handler = storage({
    sign: ({ headers }) =>
      headers["authorization"] === `Bearer ${second}` ? answer(200, { signedURL: "/x" }) : answer(403, { message: "jwt expired" }),
    token: () => answer(200, { access_token: second, expires_in: 3600, refresh_token: "r2" }),
  });
  const got = bundles.get(bundle, never);
  await clock.advance(1_000);
  assert.deepEqual(await got, bytesOf(CODE));
});

test("pods of one pack share a download; one that is cancelled leaves the others theirs", async () => {
  const { http, bundles } = world();
  const download = deferred<HttpResponse>();
  http.handler = (request) => (request.method === "POST" ? answer(200, { signedURL: "/x" }) : download.promise);
  const cancel = new CancelSource();
  const first = assert.rejects(bundles.get(bundle, cancel), { name: "Cancelled" });
  const second = bundles.get(bundle, never);
  await settle();
  cancel.cancel();
  await first;
  download.resolve(answer(200, CODE));
  assert.deepEqual(await second, bytesOf(CODE));
  assert.equal(http.requests.length, 2);
});
