import assert from "node:assert/strict";
import { test } from "node:test";
import type { Credentials, HttpRequest } from "../../core/ports.ts";
import { AuthUnavailable, CredentialsRefused, Tokens } from "../../core/tokens.ts";
import { answer, deferred, FakeClock, FakeCredentials, FakeHttp, FakeLogger, START, tokenUntil } from "../support/fakes.ts";

const HOUR = 3_600_000;
const PROJECT = { supabaseUrl: "http://supabase.test", anonKey: "anon-key" };

function world(credentials: Partial<Credentials>) {
  const clock = new FakeClock();
  const http = new FakeHttp();
  const store = new FakeCredentials({ ...PROJECT, ...credentials });
  const log = new FakeLogger();
  return { clock, http, store, log, tokens: new Tokens({ http: http.fetch, store, clock, log }) };
}

const granted = (id: string, refresh: string) =>
  answer(200, { access_token: tokenUntil(START + HOUR, id), expires_in: 3600, refresh_token: refresh });
const refused = (message: string) => answer(400, { code: 400, error_code: "invalid_credentials", msg: message });
const grantOf = (request: HttpRequest) => new URL(request.url).searchParams.get("grant_type");

test("a stored access token is used as long as it is good enough", async () => {
  const token = tokenUntil(START + HOUR);
  const { tokens, http, clock } = world({ accessToken: token });
  assert.equal(await tokens.get(30_000), token);
  assert.equal(tokens.expiresAt, START - (START % 1000) + HOUR);
  await clock.advance(HOUR - 31_000);
  assert.equal(await tokens.get(30_000 - 1_000), token);
  assert.equal(http.requests.length, 0);
});

test("it logs in with the password and keeps what it was given", async () => {
  const { tokens, http, store } = world({ email: "node@example.com", password: "secret" });
  http.handler = () => granted("one", "refresh-1");
  assert.equal(await tokens.get(30_000), tokenUntil(START + HOUR, "one"));
  const [request] = http.requests;
  assert.ok(request);
  assert.equal(request.url, "http://supabase.test/auth/v1/token?grant_type=password");
  assert.deepEqual(request.headers, { apikey: "anon-key", "content-type": "application/json" });
  assert.deepEqual(JSON.parse(request.body ?? ""), { email: "node@example.com", password: "secret" });
  assert.deepEqual(store.saved, [
    { ...PROJECT, email: "node@example.com", password: "secret", accessToken: tokenUntil(START + HOUR, "one"), refreshToken: "refresh-1" },
  ]);
});

test("a token near its end is renewed, and the refresh token rotates", async () => {
  const { tokens, http, store } = world({ accessToken: tokenUntil(START + 20_000), refreshToken: "refresh-1" });
  http.handler = ({ body }) => granted(body ?? "", "refresh-2");
  await tokens.get(30_000);
  await tokens.renewed();
  assert.deepEqual(
    http.requests.map((request) => [grantOf(request), JSON.parse(request.body ?? "")]),
    [
      ["refresh_token", { refresh_token: "refresh-1" }],
      ["refresh_token", { refresh_token: "refresh-2" }],
    ],
  );
  assert.equal(store.current.refreshToken, "refresh-2");
});

test("renewals that overlap are one, since a refresh token is good for one", async () => {
  const { tokens, http } = world({ refreshToken: "refresh-1" });
  const reply = deferred<ReturnType<typeof answer>>();
  http.handler = () => reply.promise;
  const both = Promise.all([tokens.get(0), tokens.renewed()]);
  reply.resolve(granted("one", "refresh-2"));
  const [a, b] = await both;
  assert.equal(a, b);
  assert.equal(http.requests.length, 1);
});

test("a refused refresh token leads to the password", async () => {
  const { tokens, http } = world({ refreshToken: "old", email: "e", password: "p" });
  http.handler = (request) =>
    grantOf(request) === "password" ? granted("one", "refresh-2") : refused("Invalid Refresh Token: Already Used");
  assert.equal(await tokens.get(0), tokenUntil(START + HOUR, "one"));
});

test("a refused refresh token leads to what somebody else wrote meanwhile", async () => {
  const { tokens, http, store } = world({ refreshToken: "rotated-away" });
  await tokens.credentials();
  store.current = { ...PROJECT, refreshToken: "fresh" };
  http.handler = ({ body }) => (body?.includes("fresh") ? granted("one", "refresh-3") : refused("Invalid Refresh Token: Already Used"));
  assert.equal(await tokens.get(0), tokenUntil(START + HOUR, "one"));

  const written = tokenUntil(START + HOUR, "written");
  const other = world({ refreshToken: "rotated-away" });
  await other.tokens.credentials();
  other.store.current = { ...PROJECT, accessToken: written, refreshToken: "not needed yet" };
  other.http.handler = () => refused("Invalid Refresh Token: Already Used");
  assert.equal(await other.tokens.get(0), written);
});

test("credentials that are refused are final, and say what Auth said", async () => {
  const { tokens, http } = world({ email: "e", password: "wrong" });
  http.handler = () => refused("Invalid login credentials");
  await assert.rejects(
    tokens.get(0),
    (error: unknown) => error instanceof CredentialsRefused && /password grant: 400 Invalid login credentials/.test(error.message),
  );
  const spent = world({ accessToken: tokenUntil(START - 1_000) });
  await assert.rejects(
    spent.tokens.get(0),
    (error: unknown) => error instanceof CredentialsRefused && /neither a refresh token nor a password/.test(error.message),
  );
});

for (const [what, reply] of [
  ["answers 500", () => answer(500, "<html>")],
  ["answers 429", () => answer(429, { msg: "slow down" })],
  ["answers 404, as a gateway does while the stack starts", () => answer(404, "")],
  ["gives no token", () => answer(200, {})],
  ["is not there", () => Promise.reject(new Error("connect ECONNREFUSED"))],
] as const) {
  test(`an Auth that ${what} is asked again later`, async () => {
    const { tokens, http } = world({ refreshToken: "r" });
    http.handler = reply;
    await assert.rejects(tokens.get(0), AuthUnavailable);
    http.handler = () => granted("one", "r2");
    assert.equal(await tokens.get(0), tokenUntil(START + HOUR, "one"));
  });
}

test("while Auth is away, a token that has not expired is better than none", async () => {
  const token = tokenUntil(START + 20_000);
  const { tokens, http, clock } = world({ accessToken: token, refreshToken: "r" });
  http.handler = () => answer(503, "");
  assert.equal(await tokens.get(30_000), token);
  await clock.advance(21_000);
  await assert.rejects(tokens.get(30_000), AuthUnavailable);
});

test("a token that was refused is not handed out again", async () => {
  const token = tokenUntil(START + HOUR, "revoked");
  const { tokens, http } = world({ accessToken: token, refreshToken: "r" });
  http.handler = () => granted("two", "r2");
  assert.equal(await tokens.get(0), token);
  tokens.refused(token);
  assert.equal(await tokens.get(0), tokenUntil(START + HOUR, "two"));
});

test("not being able to save costs a warning, not the session", async () => {
  const { tokens, http, store, log } = world({ refreshToken: "r" });
  store.failsToSave = true;
  http.handler = () => granted("one", "r2");
  assert.equal(await tokens.get(0), tokenUntil(START + HOUR, "one"));
  assert.ok(log.lines.some(({ level, message }) => level === "warn" && message.includes("could not be saved")));
});
