import assert from "node:assert/strict";

import { verify } from "../_shared/signature.ts";
import { notify, type World } from "../notify/handler.ts";
import { checkTarget, isPrivate } from "../notify/target.ts";

const secret = "a-secret-of-the-webhook";
const now = 1_800_000_000_000;

const failed = {
  id: "11111111-2222-4333-8444-555555555555",
  name: "web",
  namespace: "default",
  pack_id: "p",
  node_id: "n",
  status: "failed",
  reason: "crashed",
  message: "Error: boom\n    at index.js:1",
  restarts: 2,
  incarnation: 3,
  finished_at: "2026-11-25T00:00:00Z",
  env: { TOKEN: "hidden" },
};

/** A receiver that answers with these statuses, one after the other; 0 is a connection that breaks. */
function receiver(...answers: (number | Response)[]) {
  const got: { body: Uint8Array; headers: Headers; redirect: string | undefined }[] = [];
  const slept: number[] = [];
  const world: World = {
    resolve: (_, kind) => Promise.resolve(kind === "A" ? ["93.184.216.34"] : []),
    fetch: (_, init) => {
      got.push({ body: init!.body as Uint8Array, headers: new Headers(init!.headers), redirect: init!.redirect });
      const answer = answers.shift();
      assert.notEqual(answer, undefined, "sent too often");
      if (answer === 0) return Promise.reject(new TypeError("connection refused"));
      return Promise.resolve(answer instanceof Response ? answer : new Response(null, { status: answer as number }));
    },
    sleep: (ms) => (slept.push(ms), Promise.resolve()),
    now: () => now,
  };
  return { got, slept, world };
}

const settings: Record<string, string> = {
  STARK_NOTIFY_SECRET: secret,
  STARK_NOTIFY_URL: "https://hooks.example.com/x",
  STARK_NOTIFY_SIGNING_SECRET: "a secret of the receiver",
};

function send(
  world: World,
  change: unknown = { type: "UPDATE", schema: "public", table: "pods", record: failed, old_record: { ...failed, status: "running" } },
  given = secret,
  env = settings,
): Promise<Response> {
  const request = new Request("http://localhost/notify", {
    method: "POST",
    headers: { authorization: `Bearer ${given}` },
    body: JSON.stringify(change),
  });
  return notify((name) => env[name], world)(request);
}

Deno.test("a pod that failed is told, signed", async () => {
  const { got, world } = receiver(204);
  const response = await send(world);
  assert.equal(response.status, 200, await response.text());
  const [{ body, headers, redirect }] = got as [typeof got[0]];
  assert.equal(await verify([settings.STARK_NOTIFY_SIGNING_SECRET!], headers.get("stark-signature"), body, now / 1000), now / 1000);
  assert.equal(redirect, "manual");
  const text = new TextDecoder().decode(body);
  const message = JSON.parse(text);
  assert.equal(message.id, `${failed.id}:3`);
  assert.equal(message.text, "Pod default/web failed (crashed): Error: boom");
  assert.equal(message.pod.message, failed.message);
  assert.ok(!text.includes("hidden"), "a pod's environment stays here");
});

Deno.test("without the secret nothing is told", async () => {
  for (const given of ["", "x", secret + "x"]) assert.equal((await send(receiver().world, undefined, given)).status, 401);
});

Deno.test("other changes are no news", async () => {
  const change = { type: "UPDATE", schema: "public", table: "pods", record: failed, old_record: failed };
  for (const other of [change, { ...change, record: { ...failed, status: "running" } }, { ...change, type: "DELETE", record: null }]) {
    const response = await send(receiver().world, other);
    assert.deepEqual([response.status, (await response.json()).data], [200, { delivered: false }]);
  }
  const elsewhere = await send(receiver().world, undefined, secret, { ...settings, STARK_NOTIFY_NAMESPACES: "prod, stage" });
  assert.deepEqual((await elsewhere.json()).data, { delivered: false });
  assert.equal((await send(receiver().world, { ...change, table: "users" })).status, 400);
});

Deno.test("what may pass is tried again, and what will not is not", async () => {
  const patient = receiver(0, 503, new Response(null, { status: 429, headers: { "retry-after": "7" } }), 200);
  assert.equal((await send(patient.world)).status, 200);
  assert.equal(patient.slept.length, 3);
  assert.ok(patient.slept[0]! >= 250 && patient.slept[0]! <= 500, String(patient.slept));
  assert.ok(patient.slept[2]! >= 7000, "the receiver says when");
  const signatures = new Set(patient.got.map(({ body }) => new TextDecoder().decode(body)));
  assert.equal(signatures.size, 1, "the same each time");

  const hopeless = receiver(500, 500, 500, 500, 500);
  const gone = await send(hopeless.world);
  assert.deepEqual([gone.status, (await gone.json()).error.code], [502, "NOT_DELIVERED"]);
  for (const status of [302, 400, 404]) assert.equal((await send(receiver(status).world)).status, 502, "once");
});

Deno.test("nothing is sent into the private network", async () => {
  const { world } = receiver();
  for (
    const url of [
      "https://10.0.0.1/",
      "https://[::1]/",
      "https://2130706433/",
      "https://0x7f.1/",
      "http://hooks.example.com/",
      "https://u:p@hooks.example.com/",
    ]
  ) {
    assert.equal((await send(world, undefined, secret, { ...settings, STARK_NOTIFY_URL: url })).status, 500, url);
  }
  const lured: World = { ...world, resolve: (_, kind) => Promise.resolve(kind === "A" ? ["93.184.216.34"] : ["fd00::1"]) };
  assert.equal((await send(lured)).status, 500, "one of its addresses is private");
  const nowhere: World = { ...world, resolve: () => Promise.reject(new Error("NXDOMAIN")) };
  assert.equal((await send(nowhere)).status, 500);
  const meant = receiver(200);
  assert.equal(
    (await send(meant.world, undefined, secret, { ...settings, STARK_NOTIFY_URL: "http://10.0.0.1/", STARK_NOTIFY_ALLOW_PRIVATE: "true" })).status,
    200,
  );
  await assert.rejects(checkTarget("ftp://example.com", true, world.resolve));
});

Deno.test("addresses are public or not", () => {
  for (
    const address of [
      "0.0.0.0",
      "10.1.2.3",
      "100.64.0.1",
      "100.127.255.255",
      "127.0.0.1",
      "169.254.169.254",
      "172.16.0.1",
      "172.31.255.255",
      "192.168.1.1",
      "198.18.0.1",
      "224.0.0.1",
      "255.255.255.255",
      "256.1.1.1",
      "x",
      "::",
      "::1",
      "fe80::1",
      "fc00::1",
      "fdff::1",
      "ff02::1",
      "::ffff:10.0.0.1",
      "::ffff:7f00:1",
      "64:ff9b::a00:1",
      "2002:a00:1::",
      "2001:db8::1",
      "2001::1",
      "::10.0.0.1",
    ]
  ) assert.equal(isPrivate(address), true, address);
  for (
    const address of [
      "93.184.216.34",
      "100.63.255.255",
      "100.128.0.1",
      "172.15.0.1",
      "172.32.0.1",
      "192.167.1.1",
      "1.1.1.1",
      "2606:4700::1111",
      "::ffff:1.1.1.1",
      "2a00:1450::1",
    ]
  ) {
    assert.equal(isPrivate(address), false, address);
  }
});
