import assert from "node:assert/strict";

import { invoke } from "../invoke/handler.ts";
import { Project, type Row } from "./project.ts";

async function run(project: Project, body: unknown, init: RequestInit = { headers: { authorization: "Bearer user-token" } }) {
  const response = await invoke(project.env)(new Request("http://localhost/invoke", { method: "POST", body: JSON.stringify(body), ...init }));
  return { status: response.status, ...(await response.json()) };
}

/** A project in which a pod ends at the given look at it. */
function withPods(looks: number, end: Row): Project {
  const project = new Project();
  for (const version of ["1.9.0", "1.10.0", "2.0.0-rc.1"]) project.tables.packs!.push({ id: `hello@${version}`, name: "hello", version });
  let seen = 0;
  project.before = (method, path) => {
    const pod = project.tables.pods![0];
    if (method === "GET" && path.endsWith("/pods") && pod !== undefined) {
      Object.assign(pod, ++seen >= looks ? end : { status: "running", reason: "", message: "" });
    }
    return undefined;
  };
  return project;
}

const completed = { status: "stopped", reason: "completed", message: "", result: { answer: 42 } };

Deno.test("a pack is run once, as the caller, and its result is the answer", async () => {
  const project = withPods(3, completed);
  await project.during(async () => {
    const answer = await run(project, { pack: "hello", args: [1], env: { A: "b" }, namespace: "team-a", nodeSelector: { zone: "a" } });
    const pod = project.tables.pods![0]!;
    assert.deepEqual([answer.status, answer.data], [200, { podId: pod.id, result: { answer: 42 } }]);
    assert.deepEqual([pod.pack_id, pod.args, pod.env, pod.namespace, pod.node_selector], ["hello@1.10.0", [1], { A: "b" }, "team-a", { zone: "a" }]);
    assert.ok(project.requests.every((r) => r.token === "user-token"));
  });
});

Deno.test("a pod that fails, or is stopped, is no result", async () => {
  for (
    const end of [{ status: "failed", reason: "crashed", message: "Error: boom" }, { status: "stopped", reason: "stopped_by_user", message: "" }]
  ) {
    const project = withPods(1, end);
    await project.during(async () => {
      const answer = await run(project, { pack: "hello", version: "1.9.0" });
      assert.deepEqual([answer.status, answer.error.code, answer.error.reason], [502, "POD_FAILED", end.reason]);
      assert.equal(answer.error.podId, project.tables.pods![0]!.id);
    });
  }
});

Deno.test("who waits too long gets the pod's id", async () => {
  const project = withPods(Infinity, completed);
  await project.during(async () => {
    const answer = await run(project, { packId: "hello@1.9.0", timeoutSeconds: 0.2 });
    const pod = project.tables.pods![0]!;
    assert.deepEqual([answer.status, answer.error.code, answer.error.podId, pod.desired_state], [504, "TIMEOUT", pod.id, undefined]);
    project.tables.pods = [];
    await run(project, { packId: "hello@1.9.0", timeoutSeconds: 0.2, stopOnTimeout: true });
    assert.equal(project.tables.pods[0]!.desired_state, "stopped");
  });
});

Deno.test("nobody waits for who has gone", async () => {
  const project = withPods(Infinity, completed);
  await project.during(async () => {
    const gone = AbortSignal.abort();
    const request = new Request("http://localhost/invoke", {
      method: "POST",
      headers: { authorization: "Bearer user-token" },
      body: JSON.stringify({ packId: "p", timeoutSeconds: 120 }),
    });
    Object.defineProperty(request, "signal", { value: gone });
    assert.equal((await invoke(project.env)(request)).status, 504);
  });
});

Deno.test("what the database refuses is refused", async () => {
  for (const [code, status] of [["42501", 403], ["23503", 409], ["22023", 400], ["PGRST301", 401], ["XX000", 500]] as const) {
    const project = withPods(1, completed);
    project.before = (method) => method === "POST" ? Response.json({ code, message: "no" }, { status: 400 }) : undefined;
    await project.during(async () => assert.equal((await run(project, { pack: "hello" })).status, status, code));
  }
  const project = withPods(1, completed);
  project.before = (method, path) => {
    if (method === "GET" && path.endsWith("/pods")) project.tables.pods = [];
    return undefined;
  };
  await project.during(async () => assert.equal((await run(project, { pack: "hello" })).status, 404, "deleted meanwhile"));
});

Deno.test("what is wrong with a request is said", async () => {
  const project = withPods(1, completed);
  await project.during(async () => {
    assert.equal((await run(project, { pack: "hello" }, {})).status, 401);
    assert.equal((await run(project, { pack: "hello" }, { headers: { authorization: "Basic x" } })).status, 401);
    for (
      const [body, field] of [
        [{}, "pack"],
        [{ pack: "hello", packId: "x" }, "pack"],
        [{ pack: "none" }, "pack"],
        [{ pack: "hello", version: "9.9.9" }, "version"],
        [{ pack: "hello", timeoutSeconds: 0 }, "timeoutSeconds"],
        [{ pack: "hello", timeoutSeconds: 121 }, "timeoutSeconds"],
        [{ pack: "hello", timeoutSeconds: "5" }, "timeoutSeconds"],
        [{ pack: "hello", status: "running" }, "status"],
      ] as const
    ) {
      const answer = await run(project, body);
      assert.deepEqual([answer.status, answer.error.field], [400, field], JSON.stringify(body));
    }
    assert.equal(project.tables.pods!.length, 0);
  });
});
