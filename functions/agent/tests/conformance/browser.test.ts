/** What only a browser does: workers from inside the module, walls around packs, tokens in the page, IndexedDB, closing. Real Chromium. */
import assert from "node:assert/strict";
import { after, before, test, type TestContext } from "node:test";
import type { Browser, Page } from "playwright-core";
import type { Assignment } from "../../core/protocol.ts";
import { tokenUntil } from "../support/fakes.ts";
import { FakeServer, type AgentConnection } from "../support/server.ts";
import { BLOB_POLICY, launchChromium, openAgent, serveAgent } from "./chromium.ts";

const LIMIT = { timeout: 60_000 };

let browser: Browser;
before(async () => {
  browser = await launchChromium();
});
after(() => browser.close());

interface Place {
  server: FakeServer;
  page: Page;
  connection: AgentConnection;
}

async function place(
  t: TestContext,
  { policy = undefined as string | undefined, hash = "", ttlMs = 3_600_000, prepare = (_: FakeServer) => {} } = {},
) {
  const server = await new FakeServer().start();
  t.after(() => server.stop());
  serveAgent(server, policy);
  prepare(server);
  const page = await openAgent(browser, server, tokenUntil(Date.now() + ttlMs), hash);
  t.after(() => page.close());
  return { server, page, connection: await server.agent() };
}

function assign({ server, connection }: Place, code: string, changes: Partial<Assignment> = {}): Assignment {
  const pod = server.pod(code, changes);
  pod.pack.runtimeTag = "browser";
  connection.say("pod:assign", pod);
  return pod;
}

/** What an expression in the page gives, as soon as that is true. */
function eventually(page: Page, expression: string): Promise<unknown> {
  return page.evaluate(`new Promise((done) => {
    const look = () => { const found = ${expression}; if (found) done(found); else setTimeout(look, 20); };
    look();
  })`);
}

test("the module alone, on a page of somebody else", LIMIT, async (t) => {
  const at = await place(t, { policy: BLOB_POLICY, hash: "#blob" });
  const end = await at.connection.ended(assign(at, `export default () => "from a blob";`).podId);
  assert.deepEqual([end.reason, end.result], ["completed", "from a blob"], end.message);
  const commonJs = await at.connection.ended(assign(at, `module.exports = () => "from CommonJS";`).podId);
  assert.equal(commonJs.result, "from CommonJS", commonJs.message);
  const { name, runtimeType, labels, resources } = await at.connection.first("node:register");
  assert.deepEqual([name, runtimeType, labels, resources.pods], ["tab-1", "browser", { zone: "test" }, 20]);
});

test("a page whose policy does not allow the workers is told so", LIMIT, async (t) => {
  const server = await new FakeServer().start();
  t.after(() => server.stop());
  serveAgent(server);
  const page = await browser.newPage();
  t.after(() => page.close());
  await page.goto(`${server.url}/page?token=${tokenUntil(Date.now() + 3_600_000)}#blob`);
  const why = await eventually(page, "window.failure ?? window.states?.findLast((state) => state.end)?.end.message");
  assert.match(String(why), /Content-Security-Policy/);
});

test("a pack sees nothing of the page, its session, or other packs", LIMIT, async (t) => {
  const at = await place(t);
  const { result } = await at.connection.ended(
    assign(
      at,
      `export default async () => {
         const tried = {};
         const attempt = async (what, how) => { try { tried[what] = (await how()) ?? "nothing" } catch (error) { tried[what] = error.name } };
         await attempt("origin", () => self.origin);
         await attempt("sessionStorage", () => typeof sessionStorage);
         await attempt("indexedDB", () => indexedDB.open("stark-agent"));
         await attempt("caches", () => caches.keys());
         await attempt("locks", () => navigator.locks.query());
         await attempt("document", () => typeof document);
         await attempt("eval", () => new Function("return 1")());
         await attempt("scripts of the page's origin", () => import(${JSON.stringify(at.server.url)} + "/agent/browser.mjs"));
         return tried;
       };`,
    ).podId,
  );
  assert.deepEqual(result, {
    origin: "null",
    sessionStorage: "undefined",
    indexedDB: "SecurityError",
    caches: "SecurityError",
    locks: "SecurityError",
    document: "undefined",
    eval: "EvalError",
    "scripts of the page's origin": "TypeError",
  });
});

test("tokens are renewed before they expire, and the page keeps the new ones", LIMIT, async (t) => {
  const { page, server } = await place(t, { ttlMs: 20_000 });
  await eventually(page, "window.sessions.length > 0");
  assert.deepEqual(server.refreshed.slice(0, 1), ["refresh-0"]);
  const [session] = (await page.evaluate("window.sessions")) as { accessToken: string; refreshToken: string }[];
  assert.equal(session?.refreshToken, "refresh-1");
});

test("a bundle is fetched once, is kept in IndexedDB, and is checked every time", LIMIT, async (t) => {
  const at = await place(t);
  const code = `export default () => "the real one";`;
  const first = assign(at, code);
  assert.equal((await at.connection.ended(first.podId)).result, "the real one");
  at.server.remove(first); // it cannot be fetched any more
  const again = { ...first, podId: crypto.randomUUID() };
  at.connection.say("pod:assign", again);
  assert.equal((await at.connection.ended(again.podId)).result, "the real one", "from the cache");
  // Somebody with access to this browser changes it: it does not run, and is looked for in Storage again.
  await damage(at.page, first.pack.bundle.sha256);
  const damaged = at.server.pod(code);
  damaged.pack.runtimeTag = "browser";
  at.connection.say("pod:assign", damaged);
  assert.equal((await at.connection.ended(damaged.podId)).result, "the real one", "fetched anew");
});

async function damage(page: Page, sha256: string): Promise<void> {
  await page.evaluate(
    `new Promise((done, failed) => {
       const opening = indexedDB.open("stark-agent");
       opening.onsuccess = () => {
         const bundles = opening.result.transaction("bundles", "readwrite").objectStore("bundles");
         const reading = bundles.get(${JSON.stringify(sha256)});
         reading.onsuccess = () => {
           const bytes = new TextEncoder().encode('export default () => "a forged one";'.padEnd(reading.result.size));
           bundles.put({ ...reading.result, bytes: bytes.slice(0, reading.result.size) }).onsuccess = done;
         };
         reading.onerror = failed;
       };
     })`,
  );
}

test("a stop says goodbye; a closed tab closes its socket with it", LIMIT, async (t) => {
  const stopped = await place(t);
  const pod = assign(
    stopped,
    `export default ({ signal }) => new Promise((done) => signal.addEventListener("abort", () => done("gone")));`,
  );
  await stopped.connection.status(pod.podId, "running");
  const end = (await stopped.page.evaluate("window.agent.stop('enough')")) as { kind: string };
  assert.equal(end.kind, "goodbye");
  assert.deepEqual(await stopped.connection.first("node:disconnect"), { reason: "enough" });
  const states = (await stopped.page.evaluate("window.states.map((state) => state.connection)")) as string[];
  assert.equal(states.at(-1), "ended");
  assert.equal(states.filter((state) => state === "ended").length, 1);

  const closed = await place(t);
  await closed.page.close();
  await closed.connection.untilClosed();
  // 1001 is the browser's word; 1000 is the worker's own, when it notices first that its page is gone.
  assert.ok(
    [1000, 1001].includes(closed.connection.closeCode ?? 0) || closed.connection.payloads("node:disconnect").length > 0,
    String(closed.connection.closeCode),
  );
});

test("the page is shown what pods say, and how far they are", LIMIT, async (t) => {
  const at = await place(t);
  const code = `export default async ({ progress, signal }) => { progress(0.5, "half"); console.log("shown"); await new Promise((done) => signal.addEventListener("abort", done)); };`;
  const pod = assign(at, code);
  await eventually(at.page, `window.lines.some(({ line }) => line.text === "shown")`);
  const shown = await eventually(
    at.page,
    `(() => { const pod = window.agent.state.pods[${JSON.stringify(pod.podId)}]; return pod?.progress && pod })()`,
  );
  const state = shown as Record<string, unknown>;
  assert.deepEqual(
    [state["name"], state["pack"], state["status"], state["progress"], state["progressText"]],
    ["hello-1", "hello@1.0.0", "running", 0.5, "half"],
  );
});

test("a lost connection is shown, and made again", LIMIT, async (t) => {
  const { page, server } = await place(t);
  const connections = server.connections.length;
  server.down = true;
  await eventually(page, `window.agent.state.connection === "connecting"`);
  server.down = false;
  await server.agent(connections);
  await eventually(page, `window.agent.state.connection === "connected"`);
});
