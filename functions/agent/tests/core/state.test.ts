/** The agent's reactive state, as a host or a page watches it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { watch } from "@vue/reactivity";
import { StateStore } from "../../core/state.ts";
import type { Assignment, StatusReport } from "../../core/protocol.ts";

const assignment = (podId: string, incarnation = 1) =>
  ({ podId, incarnation, name: "hello", namespace: "default", pack: { name: "hello", version: "1.0.0" } }) as Assignment;
const report = (podId: string, status: StatusReport["status"], incarnation = 1) =>
  ({ podId, incarnation, status, at: "2026-11-24T08:34:00Z" }) as StatusReport;

test("a watcher is told of connection, pods and progress", () => {
  const store = new StateStore();
  const seen: string[] = [];
  watch(
    () =>
      `${store.view.connection} ${Object.values(store.view.pods)
        .map((pod) => `${pod.status} ${pod.progress ?? "-"}`)
        .join()}`,
    (now) => seen.push(now),
  );
  store.connection("connecting");
  store.registered({ nodeId: "n", name: "node", access: "private", heartbeatIntervalMs: 1_000, supabase: { url: "", anonKey: "" } });
  store.assigned(assignment("p"), 1);
  store.status(report("p", "running"), 2);
  store.progress("p", 1, 0.5, "half");
  store.over({ kind: "goodbye", message: "left" });
  store.connection("connecting"); // too late
  assert.deepEqual(seen, [
    "connecting ",
    "connected ",
    "connected starting -",
    "connected running -",
    "connected running 0.5",
    "ended running 0.5",
  ]);
  assert.deepEqual(store.view.end, { kind: "goodbye", message: "left" });
  assert.deepEqual(store.view.node, { id: "n", name: "node", access: "private" });
});

test("what is said of an earlier incarnation changes nothing", () => {
  const store = new StateStore();
  store.assigned(assignment("p", 1), 1);
  store.assigned(assignment("p", 2), 2);
  store.status(report("p", "failed", 1), 3);
  store.gone("p", 1, true);
  assert.equal(store.view.pods["p"]?.status, "starting");
});

test("pods that have ended are remembered for a while; those that left in silence are not", () => {
  const store = new StateStore();
  for (let n = 0; n < 60; n++) {
    store.assigned(assignment(`p${n}`), n);
    store.status(report(`p${n}`, "stopped"), n);
    store.gone(`p${n}`, 1, false);
  }
  assert.equal(Object.keys(store.view.pods).length, 50);
  assert.equal(store.view.pods["p0"], undefined);
  store.assigned(assignment("silent"), 1);
  store.gone("silent", 1, true);
  assert.equal(store.view.pods["silent"], undefined);
});

test("nobody but the agent writes it", (t) => {
  const store = new StateStore();
  t.mock.method(console, "warn", () => {}); // Vue's own remark, while it is developed
  (store.view as { connection: string }).connection = "connected";
  assert.equal(store.view.connection, "idle");
});
