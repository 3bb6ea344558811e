/** The browser agent in a real Chromium: Debian's, or the one that CHROMIUM names. */
import { readFileSync } from "node:fs";
import { chromium, type Browser, type Page } from "playwright-core";
import type { FakeServer } from "../support/server.ts";

const DIST = new URL("../../../dist/", import.meta.url);

/** What the Go server says for the page and for the agent's workers (backend/api/agentpage.go). */
const PAGE_POLICY = "default-src 'none'; script-src 'self'; worker-src 'self'; connect-src 'self'";
const WORKER_POLICY = "default-src 'none'; script-src blob: data: 'wasm-unsafe-eval'; worker-src data:; connect-src *";
/** For a page that has the workers' scripts come from inside the module. */
export const BLOB_POLICY = "default-src 'none'; script-src 'self' blob: data: 'wasm-unsafe-eval'; worker-src blob: data:; connect-src *";

export async function launchChromium(): Promise<Browser> {
  return await chromium.launch({
    executablePath: process.env["CHROMIUM"] ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-sync"],
  });
}

/** Lays the agent's files and a page that starts it into a server. */
export function serveAgent(server: FakeServer, policy = PAGE_POLICY): void {
  const script = { "content-type": "text/javascript", "content-security-policy": WORKER_POLICY };
  server.files.set("/agent/browser.mjs", {
    headers: { "content-type": "text/javascript" },
    body: readFileSync(new URL("browser.mjs", DIST)),
  });
  server.files.set("/agent/coordinator.js", { headers: script, body: readFileSync(new URL("coordinator.js", DIST)) });
  server.files.set("/agent/start.js", { headers: { "content-type": "text/javascript" }, body: START });
  server.files.set("/page", {
    headers: { "content-type": "text/html", "content-security-policy": policy },
    body: `<!doctype html><title>agent</title><script type="module" src="/agent/start.js"></script>`,
  });
}

const START = `
import { startAgent } from "./browser.mjs";
const { hash, search } = location;
window.lines = []; window.sessions = []; window.states = [];
startAgent({
  supabaseUrl: location.origin, anonKey: "anon-key", name: "tab-1", labels: { zone: "test" },
  session: { access_token: new URLSearchParams(search).get("token"), refresh_token: "refresh-0" },
  ...(hash === "#blob" ? {} : { coordinatorUrl: "/agent/coordinator.js" }),
  onState: (state) => window.states.push(state),
  onLines: (lines) => window.lines.push(...lines),
  onSession: (session) => window.sessions.push(session),
}).then((agent) => { window.agent = agent }, (error) => { window.failure = String(error) });
`;

/** Opens the page; the agent in it connects by itself. */
export async function openAgent(browser: Browser, server: FakeServer, token: string, hash = ""): Promise<Page> {
  const page = await browser.newPage();
  page.on("pageerror", (error) => console.error("the page:", error));
  page.on("console", (message) => {
    if (message.type() === "error") console.error("the page's console:", message.text());
  });
  await page.goto(`${server.url}/page?token=${token}${hash}`);
  return page;
}
