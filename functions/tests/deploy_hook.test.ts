import assert from "node:assert/strict";

import { sign } from "../_shared/signature.ts";
import { deployHook } from "../deploy-hook/handler.ts";
import { Project, type Row } from "./project.ts";

const now = 1_800_000_000; // unix seconds

/** Sends a delivery, signed as CI would, and reads the answer. */
async function deliver(
  project: Project,
  delivery: unknown,
  { at = now, secret = "a secret of the hook", clock = now, hook = deployHook(project.env, () => 1000 * clock) } = {},
) {
  const body = new TextEncoder().encode(JSON.stringify(delivery));
  const headers = { "stark-signature": await sign(secret, body, at) };
  const response = await hook(new Request("http://localhost/deploy-hook", { method: "POST", headers, body }));
  return { status: response.status, ...(await response.json()) };
}

const hello = { pack: "hello", version: "1.0.0", bundle: "export default () => 1" };

function web(project: Project, pack: string): Row {
  const row = { id: "d1", namespace: "default", name: "web", pack_id: pack, annotations: { team: "a" }, revision: 1 };
  project.tables.deployments!.push(row);
  return row;
}

Deno.test("nothing happens without a signature that counts", async () => {
  const project = new Project();
  await project.during(async () => {
    assert.equal((await deliver(project, hello, { secret: "another secret of a hook" })).status, 401);
    assert.equal((await deliver(project, hello, { at: now - 301 })).status, 401);
    const hook = deployHook(project.env, () => 1000 * now);
    assert.equal((await hook(new Request("http://localhost/", { method: "POST", body: JSON.stringify(hello) }))).status, 401);
    assert.equal((await hook(new Request("http://localhost/"))).status, 405);
    assert.equal((await hook(new Request("http://localhost/", { method: "POST", body: new Uint8Array((16 << 20) + 1) }))).status, 413);
  });
  assert.equal(project.requests.length, 0, "the project was never asked");
});

Deno.test("a weak secret is no secret", async () => {
  const project = new Project();
  const hook = deployHook((name) => name === "STARK_HOOK_SECRET" ? "short" : project.env(name));
  assert.equal((await hook(new Request("http://localhost/", { method: "POST", body: "{}" }))).status, 500);
});

Deno.test("a bundle becomes a version, and the deployment moves to it", async () => {
  const project = new Project();
  const deployment = web(project, "old");
  await project.during(async () => {
    const answer = await deliver(project, { ...hello, deployments: [{ name: "web" }] });
    assert.equal(answer.status, 201, JSON.stringify(answer));
    assert.deepEqual(answer.data.deployments, [{ namespace: "default", name: "web", updated: true, created: false }]);
    const pack = project.tables.packs![0]!;
    assert.deepEqual([answer.data.created, answer.data.pack.id, pack.visibility, pack.runtime_tag, pack.bundle_size], [
      true,
      pack.id,
      "private",
      "universal",
      22,
    ]);
    assert.match(String(pack.bundle_path), /^8d2a3c1e-4b5f-4c6d-8e7f-9a0b1c2d3e4f\/hello\/1\.0\.0\/[0-9a-f]{16}\.js$/);
    assert.equal(project.objects.get(String(pack.bundle_path)), hello.bundle);
    assert.equal(deployment.pack_id, pack.id);
    assert.deepEqual(deployment.annotations, { team: "a", "stark.dev/deploy-hook-at": String(now) });
    assert.ok(project.requests.filter((r) => r.path.startsWith("/rest/")).every((r) => r.token === "ci-token"), "as the service user");

    // The same again changes nothing; another bundle under that version is refused.
    const again = await deliver(project, { ...hello, deployments: [{ name: "web" }] });
    assert.deepEqual([again.status, again.data.created, again.data.deployments[0].updated], [200, false, false]);
    const other = await deliver(project, { ...hello, bundle: "export default () => 2" });
    assert.deepEqual([other.status, other.error.field], [409, "version"]);
  });
});

Deno.test("a delivery that comes again does not undo what came later", async () => {
  const project = new Project();
  const deployment = web(project, "old");
  await project.during(async () => {
    await deliver(project, { ...hello, deployments: [{ name: "web" }] });
    await deliver(project, { ...hello, version: "1.1.0", deployments: [{ name: "web" }] }, { at: now + 10 });
    const newest = deployment.pack_id;
    assert.equal((await deliver(project, { ...hello, deployments: [{ name: "web" }] })).status, 409);
    assert.equal(deployment.pack_id, newest);
    deployment.pack_id = "rolled back by hand";
    assert.equal((await deliver(project, { ...hello, version: "1.1.0", deployments: [{ name: "web" }] }, { at: now + 10 })).status, 409);
    assert.equal(deployment.pack_id, "rolled back by hand");
  });
});

Deno.test("a deployment that is not there is made, if the delivery says how", async () => {
  const project = new Project();
  const create = { replicas: 3, followLatest: true, strategy: { maxSurge: 1 } };
  await project.during(async () => {
    const answer = await deliver(project, { ...hello, deployments: [{ namespace: "staging", name: "web", create }] });
    assert.deepEqual(answer.data.deployments, [{ namespace: "staging", name: "web", updated: false, created: true }]);
    const made = project.tables.deployments![0]!;
    assert.deepEqual([made.namespace, made.name, made.replicas, made.follow_latest, made.pack_id, made.annotations], [
      "staging",
      "web",
      3,
      true,
      project.tables.packs![0]!.id,
      { "stark.dev/deploy-hook-at": String(now) },
    ]);

    // Once it is there it is moved, and keeps what people have made of it.
    made.replicas = 5;
    const next = await deliver(project, { ...hello, version: "1.1.0", deployments: [{ namespace: "staging", name: "web", create }] }, {
      at: now + 1,
    });
    assert.deepEqual(next.data.deployments, [{ namespace: "staging", name: "web", updated: true, created: false }]);
    assert.deepEqual([project.tables.deployments!.length, made.replicas], [1, 5]);
  });
});

Deno.test("two deliveries that make a deployment at a time make one", async () => {
  const project = new Project();
  await project.during(async () => {
    project.before = (method, path, body) => {
      if (method !== "POST" || !path.endsWith("/rest/v1/deployments")) return undefined;
      project.tables.deployments!.push({ id: "theirs", revision: 1, ...body });
      return Response.json({ code: "23505", message: "duplicate key" }, { status: 409 });
    };
    const answer = await deliver(project, { ...hello, deployments: [{ name: "web", create: {} }] });
    assert.deepEqual(answer.data.deployments, [{ namespace: "default", name: "web", updated: false, created: false }]);
    project.before = (method, path) =>
      method === "POST" && path.endsWith("/rest/v1/deployments")
        ? Response.json({ code: "22023", message: "strategy: unknown key" }, { status: 400 })
        : undefined;
    assert.equal((await deliver(project, { ...hello, deployments: [{ name: "api", create: {} }] })).status, 400);
  });
});

Deno.test("whoever changes a deployment meanwhile is not overwritten", async () => {
  const project = new Project();
  const deployment = web(project, "old");
  let raced = false;
  project.before = (method, path) => {
    if (method === "PATCH" && path.endsWith("/deployments") && !raced) {
      raced = true;
      deployment.revision = 2;
      deployment.annotations = { team: "b" };
    }
    return undefined;
  };
  await project.during(async () => {
    assert.equal((await deliver(project, { ...hello, deployments: [{ name: "web" }] })).status, 201);
    assert.deepEqual(deployment.annotations, { team: "b", "stark.dev/deploy-hook-at": String(now) });
    // A row that policies keep from the service user matches nothing either.
    project.before = (method) => method === "PATCH" ? Response.json([]) : undefined;
    assert.equal((await deliver(project, { ...hello, version: "2.0.0", deployments: [{ name: "web" }] }, { at: now + 1 })).status, 403);
  });
});

Deno.test("an upload that got no further is taken up", async () => {
  const project = new Project();
  await project.during(async () => {
    project.before = (method, path) =>
      method === "POST" && path.endsWith("/packs") && path.startsWith("/rest/")
        ? Response.json({ code: "42501", message: "new row violates row-level security policy" }, { status: 403 })
        : undefined;
    const refused = await deliver(project, hello);
    assert.deepEqual([refused.status, refused.error.code], [403, "FORBIDDEN"]);
    assert.equal(project.objects.size, 1);
    project.before = undefined;
    assert.equal((await deliver(project, hello)).status, 201);
    for (const [statusCode, status] of [["403", 403], ["413", 413], ["500", 500]] as const) {
      project.before = (_, path) =>
        path.startsWith("/storage/") ? Response.json({ statusCode, error: "no", message: "no" }, { status: 400 }) : undefined;
      assert.equal((await deliver(project, { ...hello, version: "3.0.0" })).status, status);
    }
  });
});

Deno.test("two deliveries of one version at a time agree", async () => {
  const project = new Project();
  await project.during(async () => {
    let sha = "";
    project.before = (method, path, body) => {
      if (method !== "POST" || !path.startsWith("/rest/")) return undefined;
      sha = String(body!.bundle_sha256);
      project.tables.packs!.push({ id: "theirs", ...body, bundle_sha256: sha });
      return Response.json({ code: "23505", message: "duplicate key" }, { status: 409 });
    };
    const answer = await deliver(project, hello);
    assert.deepEqual([answer.status, answer.data.pack.id, answer.data.created], [200, "theirs", false]);
  });
});

Deno.test("what is wrong with a delivery is said", async () => {
  const project = new Project();
  await project.during(async () => {
    for (
      const [delivery, field] of [
        [{}, "pack"],
        [{ pack: "hello" }, "version"],
        [{ ...hello, nope: 1 }, "nope"],
        [{ ...hello, bundle: 1 }, "bundle"],
        [{ ...hello, deployments: {} }, "deployments"],
        [{ ...hello, deployments: [{}] }, "deployments[0]"],
        [{ ...hello, deployments: ["web"] }, "deployments[0]"],
        [{ ...hello, deployments: [{ name: "web", x: 1 }] }, "deployments[0]"],
        [{ ...hello, deployments: [{ name: "web", create: [] }] }, "deployments[0].create"],
        [{ ...hello, deployments: [{ name: "web", create: null }] }, "deployments[0].create"],
        [{ ...hello, deployments: [{ name: "web", create: { created_by: "me" } }] }, "deployments[0].create.created_by"],
        [{ ...hello, deployments: [{ name: "web", create: { constructor: 1 } }] }, "deployments[0].create.constructor"],
      ] as const
    ) {
      const answer = await deliver(project, delivery);
      assert.deepEqual([answer.status, answer.error.field], [400, field], JSON.stringify(delivery));
    }
    const missing = await deliver(project, { pack: "hello", version: "9.9.9" });
    assert.deepEqual([missing.status, missing.error.field], [404, "bundle"]);
    const nowhere = await deliver(project, { ...hello, deployments: [{ name: "none" }] });
    assert.deepEqual([nowhere.status, nowhere.error.field], [404, "deployments"]);
  });
});

Deno.test("the service user logs in once, and again before the token ends", async () => {
  const project = new Project();
  await project.during(async () => {
    let clock = now;
    const hook = deployHook(project.env, () => 1000 * clock);
    await deliver(project, hello, { hook });
    await deliver(project, hello, { hook });
    assert.equal(project.logins, 1);
    clock = now + 3590;
    await deliver(project, hello, { hook, at: clock });
    assert.equal(project.logins, 2);
  });
});
