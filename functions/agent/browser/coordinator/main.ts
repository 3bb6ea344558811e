/**
 * The agent's own Worker: it runs the core, holds the socket and starts the pods' workers. In a Worker and not in the page, since a hidden
 * page's timers slow down until the server would give it up.
 */
import { watch } from "@vue/reactivity";
import { Agent } from "../../core/agent.ts";
import type { Credentials, CredentialsStore, Logger } from "../../core/ports.ts";
import type { AgentState } from "../../core/state.ts";
import type { CoordinatorConfig, FromCoordinator, LogLevel, PodLine, ToCoordinator } from "../messages.ts";
import { browserClock, browserRandom } from "./clock.ts";
import { Database, DatabaseCache, DatabaseStorage } from "./database.ts";
import { browserHost, capabilities, detectedResources } from "./host.ts";
import { httpFetch, sha256 } from "./http.ts";
import { WebWorkerLauncher } from "./launcher.ts";
import { openSocket } from "./socket.ts";

/** The script of a pod's worker, put here by the build. */
declare const STARK_POD_SOURCE: string;

const scope = globalThis as unknown as DedicatedWorkerGlobalScope;

/** The page is told at most this often, of so many lines at once: it may be hidden, and slow. */
const TELL_MS = 100;
const MAX_LINES = 500;

function tell(message: FromCoordinator): void {
  scope.postMessage(message);
}

function start(config: CoordinatorConfig): Agent {
  const database = new Database();
  const lines = new Lines();
  const detected = detectedResources(scope.navigator.hardwareConcurrency, config.deviceMemory);
  const { cpu = detected.cpu, memory = detected.memory, pods = detected.pods } = config.resources;
  const agent = new Agent(
    {
      clock: browserClock,
      random: browserRandom,
      log: logger(),
      openSocket,
      http: httpFetch,
      sha256,
      cache: new DatabaseCache(database),
      credentials: new PageCredentials(config.credentials),
      workers: new WebWorkerLauncher(STARK_POD_SOURCE),
      storage: new DatabaseStorage(database),
      host: browserHost(scope.navigator.userAgent),
      watchLines: (podId, line) => lines.add({ podId, line }),
    },
    {
      url: config.url,
      name: config.name,
      bootId: crypto.randomUUID(),
      labels: config.labels,
      resources: { cpu, memory, pods },
      capabilities: capabilities(),
    },
  );
  tellState(agent);
  scope.addEventListener("online", () => agent.networkIsBack());
  stayAwake(config.name);
  agent.start();
  void agent.ended.then((end) => {
    lines.flush();
    tell({ type: "ended", end });
  });
  return agent;
}

/** Browsers freeze hidden pages to save energy, but not those that hold a lock. */
function stayAwake(name: string): void {
  const held = new Promise<void>(() => {});
  // A page without an origin has no locks.
  scope.navigator.locks?.request(`stark-agent:${name}`, { mode: "shared" }, () => held).catch(() => {});
}

/** A snapshot of the state whenever it has changed, many changes in one. */
function tellState(agent: Agent): void {
  let planned = false;
  const say = () => {
    planned = false;
    tell({ type: "state", state: JSON.parse(JSON.stringify(agent.state)) as AgentState });
  };
  watch(
    () => agent.state,
    () => {
      if (!planned) setTimeout(say, TELL_MS);
      planned = true;
    },
    { deep: true },
  );
  say();
}

class Lines {
  #lines: PodLine[] = [];
  #dropped = 0;
  #planned = false;

  add(line: PodLine): void {
    this.#lines.push(line);
    if (this.#lines.length >= 2 * MAX_LINES) this.#dropped += this.#lines.splice(0, MAX_LINES).length;
    if (!this.#planned) setTimeout(() => this.flush(), TELL_MS);
    this.#planned = true;
  }

  flush(): void {
    this.#planned = false;
    const lines = this.#lines.slice(-MAX_LINES);
    const dropped = this.#dropped + this.#lines.length - lines.length;
    this.#lines = [];
    this.#dropped = 0;
    if (lines.length > 0) tell({ type: "lines", lines, dropped });
  }
}

/** The page keeps the credentials: its sessionStorage is nothing that a worker could read. */
class PageCredentials implements CredentialsStore {
  #credentials: Credentials;

  constructor(credentials: Credentials) {
    this.#credentials = credentials;
  }

  load(): Promise<Credentials> {
    return Promise.resolve(this.#credentials);
  }

  save(credentials: Credentials): Promise<void> {
    this.#credentials = credentials;
    tell({ type: "credentials", credentials });
    return Promise.resolve();
  }
}

function logger(): Logger {
  const at =
    (level: LogLevel): Logger["info"] =>
    (message, fields = {}) =>
      tell({ type: "log", level, message, fields });
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}

let agent: Agent | undefined;
scope.onmessage = ({ data }: MessageEvent<ToCoordinator>) => {
  if (data.type === "start") agent ??= start(data.config);
  else agent?.shutdown(data.reason, data.maxGraceMs);
};
