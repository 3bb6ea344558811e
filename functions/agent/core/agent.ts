/**
 * The agent: ties a session to pods. The server says what should run here; the agent claims it, runs it, and says what became of it
 * until the server has acknowledged that. Nothing of a pack runs before the server has accepted the claim (status `starting`), so a
 * pod that was given to another node meanwhile does not run here.
 */
import { Bundles } from "./bundles.ts";
import { messageOf } from "./errors.ts";
import { Fence } from "./fence.ts";
import { LogBuffer } from "./logs.ts";
import { StatusOutbox } from "./outbox.ts";
import { Pod, type PodEvents } from "./pod.ts";
import type {
  BundleCache,
  Clock,
  CredentialsStore,
  HostInfo,
  HttpFetch,
  KeyValues,
  Logger,
  OpenSocket,
  Random,
  Sha256,
  Timer,
  WorkerLauncher,
} from "./ports.ts";
import {
  isFenced,
  isTerminal,
  type Assignment,
  type Heartbeat,
  type HeldPod,
  type LogLine,
  type NodeRegister,
  type Registered,
  type ServerFrame,
  type StatusAck,
  type StopOrder,
} from "./protocol.ts";
import { Session, type SessionEnd } from "./session.ts";
import { StateStore } from "./state.ts";
import { Storage } from "./storage.ts";
import { Tokens } from "./tokens.ts";
import { AGENT_VERSION } from "./version.ts";

/** All that the agent touches its platform through. */
export interface Ports {
  clock: Clock;
  random: Random;
  log: Logger;
  openSocket: OpenSocket;
  http: HttpFetch;
  sha256: Sha256;
  cache: BundleCache;
  credentials: CredentialsStore;
  workers: WorkerLauncher;
  storage: KeyValues;
  host: HostInfo;
  /** Told of every line of a pod, besides the server; for pages that show them. */
  watchLines?: (podId: string, line: LogLine) => void;
}

/** What the node is registered as. */
export interface AgentConfig extends Pick<NodeRegister, "labels" | "annotations" | "taints" | "capabilities" | "resources"> {
  /** The server's socket: ws: or wss: */
  url: string;
  name: string;
  /** A UUID of this process. */
  bootId: string;
}

/** Lines wait this long for others. */
const LOG_DELAY_MS = 100;
/** With more than this on its way out, lines wait: the buffer is bounded, the socket's queue is not. */
const MAX_BUFFERED_BYTES = 1 << 20;
/** A status without an answer is sent again on the same connection after this. */
const RESEND_MS = 15_000;
/** What leaving may take beside the pods' grace periods: last statuses, and the goodbye. */
const SETTLE_MS = 5_000;
/** What threads that were terminated may take to be gone. */
const TERMINATE_MS = 2_000;

export class Agent {
  /** Resolves when all is over: the session has ended and no worker is left. */
  readonly ended: Promise<SessionEnd>;
  readonly #ports: Ports;
  readonly #config: AgentConfig;
  readonly #session: Session;
  readonly #bundles: Bundles;
  readonly #storage: Storage;
  readonly #view = new StateStore();
  readonly #outbox = new StatusOutbox();
  readonly #logs = new LogBuffer();
  /** The highest incarnation of each pod, until its worker is gone. */
  readonly #pods = new Map<string, Pod>();
  readonly #workers = new Set<Promise<void>>();
  readonly #fence: Fence;
  #end: (end: SessionEnd) => void = () => {};
  #state: "idle" | "active" | "leaving" | "ended" = "idle";
  #lines: Timer | undefined;
  #resend: Timer | undefined;
  #settled: (() => void) | undefined;

  constructor(ports: Ports, config: AgentConfig) {
    const { clock, random, log, openSocket, http, sha256, cache, credentials } = ports;
    this.#ports = ports;
    this.#config = config;
    this.#storage = new Storage(ports.storage);
    const tokens = new Tokens({ http, store: credentials, clock, log });
    this.#bundles = new Bundles({ http, cache, sha256, tokens, clock, random, log });
    this.#fence = new Fence(clock, (graceMs) => this.#fenceOff(graceMs));
    this.#session = new Session(
      {
        url: config.url,
        clock,
        random,
        openSocket,
        tokens,
        log,
        agent: { name: `stark-agent-${ports.host.runtimeType}`, version: AGENT_VERSION },
      },
      {
        registration: () => this.#registration(),
        heartbeat: () => ({ pods: this.#pods.size, ...usageOf(ports.host) }),
        ready: (registered) => this.#ready(registered),
        lost: () => this.#view.connection("connecting"),
        leased: (since, leaseMs) => this.#fence.extended(since, leaseMs),
        frame: (frame) => this.#frame(frame),
        end: (end) => void this.#over(end),
      },
    );
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  /** Starts to connect. Once. */
  start(): void {
    if (this.#state !== "idle") return;
    this.#state = "active";
    this.#view.connection("connecting");
    this.#session.start();
  }

  /** Stops all pods within their grace periods, at most `maxGraceMs`, says goodbye and ends. The server places the pods anew. */
  shutdown(reason: string, maxGraceMs = Infinity): void {
    if (this.#state === "active") {
      this.#state = "leaving";
      this.#view.connection("leaving");
      void this.#leave(reason, maxGraceMs);
    } else if (this.#state === "leaving") for (const pod of this.#pods.values()) pod.retire(maxGraceMs);
  }

  /** What it is and runs, to be watched with Vue's reactivity. */
  get state(): StateStore["view"] {
    return this.#view.view;
  }

  /** The platform has a network again: connects now rather than when its time comes. */
  networkIsBack(): void {
    this.#session.retryNow();
  }

  /** Pods whose worker is not gone. */
  get podCount(): number {
    return this.#pods.size;
  }

  async #leave(reason: string, maxGraceMs: number): Promise<void> {
    this.#ports.log.info("leaving", { reason, pods: this.#pods.size });
    for (const pod of this.#pods.values()) pod.retire(maxGraceMs);
    const longest = Math.max(0, ...[...this.#pods.values()].map((pod) => Math.min(pod.assignment.gracePeriodMs, maxGraceMs)));
    await this.#within(longest + SETTLE_MS, Promise.all(this.#workers));
    this.#flush();
    this.#sendLines();
    await this.#within(SETTLE_MS, this.#acknowledgements());
    if (this.#state === "leaving") this.#session.leave(reason, SETTLE_MS);
  }

  /** Resolves when no status waits, or when there is no connection that could take one. */
  #acknowledgements(): Promise<void> {
    if (this.#outbox.size === 0 || !this.#session.ready) return Promise.resolve();
    return new Promise((resolve) => {
      this.#settled = resolve;
    });
  }

  /** Resolves when `work` has, at the latest after `ms`. */
  #within(ms: number, work: Promise<unknown>): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#ports.clock.timer(ms, resolve);
      void work.then(() => {
        timer.cancel();
        resolve();
      });
    });
  }

  /** The session is over for good, and with it all that runs here: another node may run it next. */
  async #over(end: SessionEnd): Promise<void> {
    this.#state = "ended";
    this.#fence.stop();
    this.#lines?.cancel();
    this.#resend?.cancel();
    this.#settled?.();
    for (const pod of this.#pods.values()) pod.disown(end.message);
    await this.#within(TERMINATE_MS, Promise.all(this.#workers));
    this.#view.over(end);
    this.#end(end);
  }

  /** The node may soon be given up, or has been: ends the pods that asked never to run twice, without a word, so that they are placed anew. */
  #fenceOff(graceMs: number): void {
    for (const pod of this.#pods.values()) {
      if (isFenced(pod.assignment)) pod.fence(graceMs);
    }
  }

  #registration(): NodeRegister {
    const { host } = this.#ports;
    const { name, bootId, labels, annotations, taints, capabilities, resources } = this.#config;
    return {
      name,
      runtimeType: host.runtimeType,
      runtimeVersion: host.runtimeVersion,
      agentVersion: AGENT_VERSION,
      bootId,
      ...(labels && { labels }),
      ...(annotations && { annotations }),
      ...(taints && { taints }),
      ...(capabilities && { capabilities }),
      resources,
      pods: this.#held(),
    };
  }

  #held(): HeldPod[] {
    const held = new Map<string, HeldPod>();
    for (const pod of this.#outbox.terminal()) held.set(pod.podId, pod);
    for (const pod of this.#pods.values()) {
      if ((pod.silent && !pod.retiring) || isTerminal(pod.status)) continue;
      held.set(pod.podId, { podId: pod.podId, incarnation: pod.incarnation, status: pod.status });
    }
    return [...held.values()];
  }

  #ready(registered: Registered): void {
    const { name, nodeId, access } = registered;
    this.#view.registered(registered);
    this.#ports.log.info("registered", { node: name, nodeId, access, pods: this.#pods.size });
    this.#outbox.rewind();
    this.#flush();
    this.#sendLines();
  }

  #frame(frame: ServerFrame): void {
    switch (frame.type) {
      case "pod:assign":
        this.#assign(frame.payload);
        break;
      case "pod:stop":
        this.#stop(frame.payload);
        break;
      case "pod:status:ack":
        this.#acknowledged(frame.payload);
    }
  }

  #assign(assignment: Assignment): void {
    if (this.#state !== "active") return; // the goodbye sends it elsewhere
    const { podId, incarnation } = assignment;
    const current = this.#pods.get(podId);
    if (current && current.incarnation >= incarnation) return;
    if (this.#outbox.settled(podId) >= incarnation) return; // it has ended here, and the server does not know yet
    current?.disown("a later incarnation was assigned");
    this.#outbox.dropBelow(podId, incarnation);
    this.#ports.log.info("pod assigned", {
      pod: `${assignment.namespace}/${assignment.name}`,
      podId,
      incarnation,
      pack: `${assignment.pack.name}@${assignment.pack.version}`,
    });
    const { clock, log, workers, host, watchLines } = this.#ports;
    const events: PodEvents = {
      status: (report) => {
        this.#view.status(report, clock.now());
        this.#outbox.add(report);
        this.#flush();
      },
      line: (line) => {
        this.#logs.add(podId, incarnation, line);
        watchLines?.(podId, line);
        this.#planLines();
      },
      dropped: (lines) => this.#logs.addDropped(podId, incarnation, lines),
      progress: (fraction, text) => this.#view.progress(podId, incarnation, fraction, text),
      ended: () => {
        this.#view.gone(podId, incarnation, pod.silent);
        if (this.#pods.get(podId) === pod) this.#pods.delete(podId);
      },
    };
    const pod = new Pod(
      assignment,
      { clock, log, workers, bundles: this.#bundles, runtimeType: host.runtimeType, storage: this.#storage },
      events,
      current?.gone ?? Promise.resolve(),
    );
    this.#pods.set(podId, pod);
    this.#view.assigned(assignment, clock.now());
    this.#track(pod);
  }

  #track(pod: Pod): void {
    const gone = pod.gone.catch((error: unknown) => {
      this.#ports.log.error("a pod was lost track of", { podId: pod.podId, error: messageOf(error) });
    });
    this.#workers.add(gone);
    void gone.then(() => this.#workers.delete(gone));
  }

  #stop({ podId, incarnation, reason, gracePeriodMs }: StopOrder): void {
    const pod = this.#pods.get(podId);
    if (pod && pod.incarnation > incarnation) return;
    if (reason === "stale") {
      pod?.disown("the server says that it is stale");
      return;
    }
    const silent = reason === "deleted";
    if (pod && (silent || pod.incarnation === incarnation)) {
      pod.stop({ reason, graceMs: gracePeriodMs, silent });
      return;
    }
    pod?.disown("a later incarnation is to be stopped");
    if (silent || this.#outbox.settled(podId) >= incarnation) return;
    // It never came to run here. Someone waits for its end all the same.
    this.#outbox.add({ podId, incarnation, status: "stopped", reason, at: new Date(this.#ports.clock.now()).toISOString() });
    this.#flush();
  }

  #acknowledged(ack: StatusAck): void {
    const report = this.#outbox.acknowledge(ack);
    if (!report) return;
    const { podId, incarnation, status, accepted, code, message } = ack;
    if (!accepted) this.#ports.log.warn("the server refused a status", { podId, incarnation, status, code, message });
    if (code === "INVALID" && (report.message !== undefined || report.result !== undefined)) {
      // What it says cannot be stored. What became of the pod can.
      const { message: _, result: __, ...bare } = report;
      this.#outbox.add(bare);
      this.#flush();
      return;
    }
    this.#settle();
    const pod = this.#pods.get(podId);
    if (!pod || pod.incarnation !== incarnation || isTerminal(status)) return;
    if (status === "starting") pod.claimed(accepted);
    // A status that came twice is illegal the second time, when a later one has been taken: that says nothing of the pod.
    else if (!accepted && (code !== "ILLEGAL_TRANSITION" || pod.status === status)) pod.disown(`the server refused its status ${status}`);
  }

  /** Nothing is waiting for an answer any more. */
  #settle(): void {
    if (this.#outbox.size > 0) return;
    this.#resend?.cancel();
    this.#resend = undefined;
    this.#settled?.();
  }

  /** Sends the statuses that are to be sent; a pod's last lines go before its last status. */
  #flush(): void {
    if (!this.#session.ready) return;
    this.#outbox.flush(this.#ports.clock.monotonic(), RESEND_MS, (report) => {
      if (isTerminal(report.status)) this.#sendLinesOf(report.podId, report.incarnation);
      return this.#session.send("pod:status", report);
    });
    if (this.#outbox.size === 0 || this.#resend) return;
    this.#resend = this.#ports.clock.timer(RESEND_MS, () => {
      this.#resend = undefined;
      this.#flush();
    });
  }

  #sendLinesOf(podId: string, incarnation: number): void {
    for (let batch = this.#logs.take(podId, incarnation); batch; batch = this.#logs.take(podId, incarnation))
      this.#session.send("pod:logs", batch);
  }

  #planLines(): void {
    this.#lines ??= this.#ports.clock.timer(LOG_DELAY_MS, () => {
      this.#lines = undefined;
      this.#sendLines();
    });
  }

  #sendLines(): void {
    while (this.#session.ready && this.#session.bufferedBytes < MAX_BUFFERED_BYTES) {
      const batch = this.#logs.take();
      if (!batch) return;
      this.#session.send("pod:logs", batch);
    }
    if (this.#session.ready) this.#planLines(); // the socket is full; without one they wait for the next
  }
}

function usageOf(host: HostInfo): Pick<Heartbeat, "usage"> {
  const usage = host.usage();
  return usage ? { usage } : {};
}
