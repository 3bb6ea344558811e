/**
 * The browser agent as a module for any page: `startAgent` makes this tab a node. Built into one file, dist/browser.mjs, with the workers'
 * scripts inside. docs/browser.md is for its users.
 */
import type { Credentials, Fields } from "../../core/ports.ts";
import type { SessionEnd } from "../../core/session.ts";
import type { AgentState, PodState } from "../../core/state.ts";
import type { CoordinatorConfig, FromCoordinator, LogLevel, PodLine, ToCoordinator } from "../messages.ts";

export type { AgentState, LogLevel, PodLine, PodState, SessionEnd };

/** The coordinator's script, put here by the build. */
declare const STARK_COORDINATOR_SOURCE: string;

/** A session of Supabase Auth; supabase-js' own is one too. */
export type AuthSession =
  { accessToken: string; refreshToken?: string | undefined } | { access_token: string; refresh_token?: string | undefined };

export interface AgentOptions {
  /** The Stark server, e.g. https://stark.example.com; default: where this page comes from. */
  server?: string;
  /** The Supabase project; default: the server says. */
  supabaseUrl?: string;
  anonKey?: string;
  /** Who the node belongs to: a session, which the agent then renews alone, or a login. */
  session?: AuthSession;
  login?: { email: string; password: string };
  /** The node's name, a DNS label. */
  name: string;
  labels?: Record<string, string>;
  /** What it offers; default: half the cores, a quarter of the memory, 20 pods. */
  resources?: { cpu?: string; memory?: string; pods?: number };
  /** Called with a snapshot whenever something has changed. */
  onState?(state: AgentState): void;
  /** Lines of pods, and how many were left out before them. */
  onLines?(lines: PodLine[], dropped: number): void;
  /** Lines of the agent itself. */
  onLog?(level: LogLevel, message: string, fields: Fields): void;
  /** The session was renewed: what was given is no longer good for anything, this is. */
  onSession?(session: { accessToken: string; refreshToken: string | undefined }): void;
  /**
   * Where the coordinator's script is, on this page's own origin. Without it the script comes from inside this module, as a blob: that
   * needs `worker-src blob:` where a page has a Content-Security-Policy, and pods are then bound by the page's own policy.
   */
  coordinatorUrl?: string;
}

export interface BrowserAgent {
  /** The last snapshot. */
  readonly state: AgentState;
  /** Resolves when it is over, with why. */
  readonly ended: Promise<SessionEnd>;
  /** Stops the pods within their grace periods, at most `maxGraceMs`, and says goodbye. The server places them elsewhere. */
  stop(reason?: string, maxGraceMs?: number): Promise<SessionEnd>;
}

/** Makes this tab a node until it is stopped or the tab is closed. Rejects when it cannot: the message says what to do. */
export async function startAgent(options: AgentOptions): Promise<BrowserAgent> {
  if (!isSecureContext) {
    throw new Error("this page is not a secure context, so bundles cannot be verified: serve it over https, or from localhost");
  }
  const config = await configOf(options);
  const blob = options.coordinatorUrl === undefined ? blobUrl(STARK_COORDINATOR_SOURCE) : undefined;
  const worker = new Worker(options.coordinatorUrl ?? blob ?? "", { name: "stark-agent" });
  return run(worker, config, options, () => blob !== undefined && URL.revokeObjectURL(blob));
}

function run(worker: Worker, config: CoordinatorConfig, options: AgentOptions, started: () => void): BrowserAgent {
  let state: AgentState = { connection: "idle", node: undefined, pods: {}, end: undefined };
  let finish: (end: SessionEnd) => void = () => {};
  let over: SessionEnd | undefined;
  const ended = new Promise<SessionEnd>((resolve) => {
    finish = resolve;
  });
  const say = (message: ToCoordinator) => worker.postMessage(message);
  const end = (why: SessionEnd) => {
    if (over) return;
    over = why;
    removeEventListener("pagehide", leave);
    worker.terminate();
    state = { ...state, connection: "ended", end: why };
    options.onState?.(state);
    finish(why);
  };
  // A tab that is closed: its socket closes with 1001, which the server takes for a goodbye. This is for browsers that do not say that.
  const leave = (event: PageTransitionEvent) => {
    if (!event.persisted) say({ type: "stop", reason: "the page was closed", maxGraceMs: 0 });
  };
  addEventListener("pagehide", leave);
  worker.onmessage = ({ data }: MessageEvent<FromCoordinator>) => {
    started();
    switch (data.type) {
      case "state":
        state = data.state;
        if (state.connection !== "ended") options.onState?.(state); // the end is told once, below
        break;
      case "lines":
        options.onLines?.(data.lines, data.dropped);
        break;
      case "log":
        options.onLog?.(data.level, data.message, data.fields);
        break;
      case "credentials":
        if (data.credentials.accessToken !== undefined)
          options.onSession?.({ accessToken: data.credentials.accessToken, refreshToken: data.credentials.refreshToken });
        break;
      case "ended":
        end(data.end);
    }
  };
  worker.onerror = (event) => {
    event.preventDefault();
    started();
    const why = event.message || "its script could not be loaded; does the page's Content-Security-Policy allow it (worker-src)?";
    end({ kind: "failed", message: `the agent's worker failed: ${why}` });
  };
  say({ type: "start", config });
  return {
    get state() {
      return state;
    },
    ended,
    stop(reason = "stopped by its user", maxGraceMs = 10_000) {
      say({ type: "stop", reason, maxGraceMs });
      return ended;
    },
  };
}

async function configOf(options: AgentOptions): Promise<CoordinatorConfig> {
  const server = new URL(options.server ?? location.origin);
  const { name, labels = {}, resources = {} } = options;
  if (!/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(name))
    throw new Error(`the node's name must be a DNS label (a-z, 0-9 and -), not "${name}"`);
  const base = server.pathname.replace(/\/+$/, "");
  const project =
    options.supabaseUrl !== undefined && options.anonKey !== undefined
      ? { supabaseUrl: options.supabaseUrl, anonKey: options.anonKey }
      : await projectOf(`${server.origin}${base}`);
  return {
    url: `${server.protocol === "https:" ? "wss:" : "ws:"}//${server.host}${base}/ws`,
    name,
    labels,
    resources,
    credentials: { ...project, supabaseUrl: project.supabaseUrl.replace(/\/+$/, ""), ...identityOf(options) },
    deviceMemory: (navigator as Navigator & { deviceMemory?: number }).deviceMemory,
  };
}

function identityOf({ session, login }: AgentOptions): Partial<Credentials> {
  if (session && "access_token" in session) return { accessToken: session.access_token, refreshToken: session.refresh_token };
  if (session) return { accessToken: session.accessToken, refreshToken: session.refreshToken };
  if (login) return { email: login.email, password: login.password };
  throw new Error("the agent needs to know whose it is: give it a session, or a login with email and password");
}

/** The Supabase project of a server. */
export async function projectOf(server: string): Promise<{ supabaseUrl: string; anonKey: string }> {
  const response = await fetch(`${server}/api/info`).catch((error: unknown) => {
    throw new Error(`the Stark server ${server} cannot be reached, or does not let pages of this origin in`, { cause: error });
  });
  const { data } = (await response.json()) as { data?: { supabaseUrl?: string; anonKey?: string } };
  if (!data?.supabaseUrl || !data.anonKey) throw new Error(`${server} does not answer like a Stark server`);
  return { supabaseUrl: data.supabaseUrl, anonKey: data.anonKey };
}

function blobUrl(source: string): string {
  return URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
}
