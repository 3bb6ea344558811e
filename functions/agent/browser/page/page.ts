/** Stark's own page: log in, name the node, start it, watch it. */
import { projectOf, startAgent, type AgentState, type BrowserAgent, type SessionEnd } from "./agent.ts";
import { forget, logIn, logOut, remember, remembered, type Project, type Session } from "./auth.ts";
import { element, isOver, LogView, PodList, problem, show, showConnection } from "./view.ts";

const NODE_KEY = "stark-agent-node";
const COORDINATOR = "/agent/coordinator.js";

interface NodeSettings {
  name: string;
  labels: string;
  /** Start again when the page is loaded again. */
  running: boolean;
}

let project: Project | undefined;
let session: Session | undefined;
let agent: BrowserAgent | undefined;
let state: AgentState = { connection: "idle", node: undefined, pods: {}, end: undefined };
let selected: string | undefined;
let startedAt = 0;

const pods = new PodList((podId) => {
  selected = selected === podId ? undefined : podId;
  log.only(selected);
  render();
});
const log = new LogView((podId) => state.pods[podId]?.name ?? podId.slice(0, 8));

async function main(): Promise<void> {
  element<HTMLFormElement>("login").addEventListener("submit", (event) => void submitLogin(event));
  element<HTMLFormElement>("start").addEventListener("submit", (event) => void submitStart(event));
  element("stop").addEventListener("click", () => void stop());
  element("logout").addEventListener("click", () => void leave());
  element("show-all").addEventListener("click", () => {
    selected = undefined;
    log.only(undefined);
    render();
  });
  for (const event of ["online", "offline"]) addEventListener(event, render);
  setInterval(showUptime, 1_000);
  const settings = nodeSettings();
  element<HTMLInputElement>("name").value = settings.name;
  element<HTMLInputElement>("labels").value = settings.labels;
  session = remembered();
  render();
  try {
    project = await projectOf(location.origin);
    element("project").textContent = new URL(project.supabaseUrl).host;
  } catch (error) {
    problem(session ? "node-problem" : "login-problem", textOf(error));
    return;
  }
  if (session && settings.running) await start();
}

async function submitLogin(event: SubmitEvent): Promise<void> {
  event.preventDefault();
  const button = element<HTMLButtonElement>("login-submit");
  button.disabled = true;
  problem("login-problem", undefined);
  try {
    project ??= await projectOf(location.origin);
    const password = element<HTMLInputElement>("password");
    session = await logIn(project, element<HTMLInputElement>("email").value.trim(), password.value);
    password.value = "";
    remember(session);
    problem("node-problem", undefined);
    render();
    element("name").focus();
  } catch (error) {
    problem("login-problem", textOf(error));
  } finally {
    button.disabled = false;
  }
}

async function submitStart(event: SubmitEvent): Promise<void> {
  event.preventDefault();
  await start();
}

async function start(): Promise<void> {
  if (agent || !session || !project) return;
  problem("node-problem", undefined);
  const settings = { name: element<HTMLInputElement>("name").value.trim(), labels: element<HTMLInputElement>("labels").value.trim() };
  try {
    const labels = labelsOf(settings.labels);
    log.clear();
    selected = undefined;
    state = { connection: "connecting", node: undefined, pods: {}, end: undefined };
    startedAt = Date.now();
    agent = await startAgent({
      ...project,
      session,
      name: settings.name,
      labels,
      coordinatorUrl: COORDINATOR,
      onState: (now) => {
        state = now;
        render();
      },
      onLines: (lines, dropped) => log.add(lines, dropped),
      onSession: (tokens) => {
        if (!session) return;
        session = { ...session, ...tokens };
        remember(session);
      },
      onLog: (level, message, fields) => console[level](message, fields),
    });
    keep({ ...settings, running: true });
    void agent.ended.then(ended);
  } catch (error) {
    problem("node-problem", textOf(error));
  }
  render();
}

async function stop(): Promise<void> {
  keep({ ...nodeSettings(), running: false });
  await agent?.stop();
}

function ended(end: SessionEnd): void {
  agent = undefined;
  if (end.kind !== "goodbye") {
    keep({ ...nodeSettings(), running: false });
    problem("node-problem", `The node has ended: ${end.message}.`);
  }
  if (end.kind === "credentials") {
    forget();
    session = undefined;
    problem("login-problem", "Your session has ended. Log in again.");
  }
  render();
}

async function leave(): Promise<void> {
  if (!session || !project) return;
  const over = session;
  await stop();
  session = undefined;
  render();
  await logOut(project, over);
}

function render(): void {
  const running = agent !== undefined;
  show("login-card", session === undefined && !running);
  show("node-card", session !== undefined || running);
  show("connection", session !== undefined || running);
  show("who", session !== undefined);
  element("who-email").textContent = session?.email ?? "";
  show("start", !running);
  show("stop", running);
  show("facts", running);
  show("work", running || Object.keys(state.pods).length > 0);
  element<HTMLButtonElement>("stop").disabled = state.connection === "leaving";
  element("node-title").textContent = running ? (state.node?.name ?? element<HTMLInputElement>("name").value) : "This tab";
  element("node-lead").textContent = running ? "Keep this tab open: pods run for as long as it is." : "Name the node, and start it.";
  element("fact-labels").textContent = element<HTMLInputElement>("labels").value.trim() || "none";
  element("fact-access").textContent = state.node ? (state.node.access === "private" ? "you alone (private)" : "everyone (shared)") : "–";
  element("fact-running").textContent = String(Object.values(state.pods).filter((pod) => !isOver(pod)).length);
  document.title = running && state.node ? `${state.node.name} · Stark` : "Stark · this tab as a node";
  showConnection(state, !navigator.onLine);
  pods.show(state.pods, selected);
  showUptime();
}

function showUptime(): void {
  if (!agent) return;
  const seconds = Math.floor((Date.now() - startedAt) / 1000);
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  element("fact-uptime").textContent = hours > 0 ? `${hours} h ${minutes} min` : minutes > 0 ? `${minutes} min` : `${seconds} s`;
}

/** `a=b, c=d` as labels. Throws with what is wrong. */
function labelsOf(text: string): Record<string, string> {
  const items = text.split(",").map((item) => item.trim());
  return Object.fromEntries(
    items
      .filter((item) => item !== "")
      .map((item) => {
        const [, key = "", value = ""] = /^([A-Za-z0-9][A-Za-z0-9./_-]*)=([A-Za-z0-9._-]*)$/.exec(item) ?? [];
        if (key === "") throw new Error(`"${item}" is no label: write key=value, separated by commas.`);
        return [key, value];
      }),
  );
}

/** The node's name is this browser's, so that it is the same node after a restart; whether it runs is this tab's. */
function nodeSettings(): NodeSettings {
  try {
    const kept = JSON.parse(localStorage.getItem(NODE_KEY) ?? "{}") as Partial<NodeSettings>;
    const running = sessionStorage.getItem(NODE_KEY) === "running";
    return { name: kept.name ?? `browser-${crypto.randomUUID().slice(0, 6)}`, labels: kept.labels ?? "", running };
  } catch {
    return { name: "browser", labels: "", running: false };
  }
}

function keep({ name, labels, running }: NodeSettings): void {
  localStorage.setItem(NODE_KEY, JSON.stringify({ name, labels }));
  if (running) sessionStorage.setItem(NODE_KEY, "running");
  else sessionStorage.removeItem(NODE_KEY);
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

void main();
