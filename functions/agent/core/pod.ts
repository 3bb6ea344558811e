/**
 * One incarnation of a pod on this node, from its assignment to its end: claim, fetch, load, run, stop. It says what becomes of it
 * through its events and touches neither the session nor other pods.
 */
import { BundleError, type Bundles } from "./bundles.ts";
import { Cancelled, CancelSource, unlessCancelled } from "./cancel.ts";
import { messageOf, stackOf } from "./errors.ts";
import { HealthCheck } from "./health.ts";
import { LineSplitter } from "./lines.ts";
import { outcomeOf, partingOf, StartFailure, type Outcome, type Parting } from "./outcome.ts";
import type { PackIdentity } from "./pack/contract.ts";
import type { WorkerMessage } from "./pack/messages.ts";
import type { Clock, Logger, Timer, WorkerEvents, WorkerExit, WorkerHandle, WorkerLauncher } from "./ports.ts";
import {
  MAX_MESSAGE_BYTES,
  type Assignment,
  type LogLine,
  type LogStream,
  type PodStatus,
  type Runtime,
  type StatusReport,
} from "./protocol.ts";
import type { Storage } from "./storage.ts";
import { storable, truncateUtf8 } from "./text.ts";

export interface PodDeps {
  clock: Clock;
  log: Logger;
  bundles: Pick<Bundles, "get">;
  workers: WorkerLauncher;
  runtimeType: Runtime;
  storage: Storage;
}

export interface PodEvents {
  status(report: StatusReport): void;
  line(line: LogLine): void;
  /** So many lines were lost before the next one. */
  dropped(lines: number): void;
  /** How far it is, in its own opinion. */
  progress(fraction: number | undefined, text: string): void;
  /** Its worker is gone. Exactly once and last. */
  ended(): void;
}

/** How a pod is to be stopped. */
export interface Stop {
  reason: string;
  graceMs: number;
  /** Nobody waits for a status: the pod belongs to this node no more. */
  silent: boolean;
}

/** From the start of the worker until the pack's entry is called. */
export const START_TIMEOUT_MS = 30_000;
/** A worker that was terminated is gone at once, unless it sits in a blocking call of its platform: that is worth a word. */
const STUCK_MS = 10_000;
/** Progress becomes a line of the log at most this often. */
const PROGRESS_MS = 1_000;

export class Pod {
  readonly assignment: Assignment;
  /** Resolves when its worker is gone, and those of the incarnations that it replaced. */
  readonly gone: Promise<void>;
  readonly #deps: PodDeps;
  readonly #events: PodEvents;
  readonly #previous: Promise<void>;
  readonly #cancel = new CancelSource();
  readonly #streams: { stdout: LineSplitter; stderr: LineSplitter };
  readonly #claimed: Promise<void>;
  #claim: () => void = () => {};
  #status: PodStatus = "starting";
  #phase: "preparing" | "loading" | "running" | "ended" = "preparing";
  #worker: WorkerHandle | undefined;
  #terminated = false;
  #retiring = false;
  #stop: Stop | undefined;
  /** What the pack or its start came to, before its worker is gone. */
  #verdict: Outcome | undefined;
  /** What a pack that was told to stop left behind. */
  #parting: Parting = {};
  #starting: Timer | undefined;
  #grace: Timer | undefined;
  #stuck: Timer | undefined;
  readonly #health: HealthCheck;
  #progressAt = -Infinity;

  /** `previous` resolves when the worker of an earlier incarnation is gone: this one's does not start before. */
  constructor(assignment: Assignment, deps: PodDeps, events: PodEvents, previous: Promise<void>) {
    this.assignment = assignment;
    this.#deps = deps;
    this.#events = events;
    this.#previous = previous;
    this.#streams = {
      stdout: new LineSplitter((text, at) => this.#line("stdout", text, at)),
      stderr: new LineSplitter((text, at) => this.#line("stderr", text, at)),
    };
    this.#health = new HealthCheck(
      deps.clock,
      () => this.#worker?.send({ type: "health" }),
      (why) => this.#conclude({ status: "failed", reason: "unhealthy", message: why }),
    );
    this.#claimed = new Promise((resolve) => {
      this.#claim = resolve;
    });
    // Not in this turn: whoever made the pod must know it before it speaks.
    this.gone = Promise.resolve()
      .then(() => this.#live())
      .then(() => previous);
  }

  get podId(): string {
    return this.assignment.podId;
  }

  get incarnation(): number {
    return this.assignment.incarnation;
  }

  /** The status that was last reported. */
  get status(): PodStatus {
    return this.#status;
  }

  /** Whether nobody is told any more what becomes of it. */
  get silent(): boolean {
    return this.#stop?.silent ?? false;
  }

  /** Whether it is silent because the agent leaves: until its worker is gone it is at home here. */
  get retiring(): boolean {
    return this.#retiring;
  }

  /** The server's answer to status `starting`: only an accepted claim runs. */
  claimed(accepted: boolean): void {
    if (accepted) this.#claim();
    else this.disown("the claim was refused");
  }

  /** It belongs to this node no more: ends it at once, without a word to the server. */
  disown(why: string): void {
    if (this.#phase === "ended" || (this.silent && this.#terminated)) return;
    this.#deps.log.info("pod is not this node's any more", { ...this.#fields(), why });
    this.#retiring = false;
    this.#halt({ reason: "stale", graceMs: 0, silent: true });
  }

  /** Stops it; a pack that has just come to its end by itself keeps that end. Again: may shorten the grace period. */
  stop(stop: Stop): void {
    if (this.#phase === "ended" || this.#verdict) return;
    this.#deps.log.info("stopping pod", { ...this.#fields(), reason: stop.reason, graceMs: stop.graceMs });
    this.#halt(stop);
  }

  /** Its node may have been given up: ends it within `graceMs` without a word. It is not held any more: the server places it anew. */
  fence(graceMs: number): void {
    if (this.#phase === "ended" || this.#verdict) return;
    if (this.#stop) {
      this.#limitGrace(graceMs); // it is on its way, and whoever waits for its end still hears of it
      return;
    }
    this.#line("system", "fenced: the server was not heard for too long, and may have this pod run elsewhere soon", this.#deps.clock.now());
    this.#deps.log.warn("the server was not heard for too long: ending a fenced pod", this.#fields());
    this.#halt({ reason: "node_lost", graceMs: Math.min(graceMs, this.assignment.gracePeriodMs), silent: true });
  }

  /** The agent leaves: stops it without a status, so that the server places it anew, unless someone waits for its end anyway. */
  retire(maxGraceMs: number): void {
    const graceMs = Math.min(this.assignment.gracePeriodMs, maxGraceMs);
    this.#retiring ||= this.#stop === undefined;
    if (this.#stop) this.#limitGrace(graceMs);
    else this.stop({ reason: "node_disconnected", graceMs, silent: true });
  }

  async #live(): Promise<void> {
    let outcome: Outcome;
    try {
      // Chained, so that nothing holds on to the bundle's bytes while it runs.
      outcome = await this.#prepare().then((bundle) => this.#work(bundle));
    } catch (error) {
      outcome = this.#failureOf(error);
    }
    this.#finish(outcome);
  }

  /** Claims the pod and fetches its bundle, until it may start. */
  async #prepare(): Promise<Uint8Array> {
    const { pack } = this.assignment;
    const { bundles, runtimeType } = this.#deps;
    if (this.#stop) throw new Cancelled();
    if (pack.runtimeTag !== "universal" && pack.runtimeTag !== runtimeType) {
      throw new StartFailure("runtime_unsupported", `the pack is for ${pack.runtimeTag} and this node is ${runtimeType}`);
    }
    this.#report({ status: "starting" });
    const fetching = bundles.get(pack.bundle, this.#cancel);
    fetching.catch(() => {}); // looked at when the claim is known: a refused one has no failure to report
    await unlessCancelled(this.#cancel, this.#claimed);
    const bundle = await fetching;
    await this.#turn();
    return bundle;
  }

  /** Waits until no earlier incarnation runs, and begins the time that a start may take. */
  #turn(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#starting = this.#deps.clock.timer(START_TIMEOUT_MS, () => {
        const failure = new StartFailure("start_timeout", `the pack was not running ${START_TIMEOUT_MS / 1000} s after its start`);
        if (this.#phase === "loading") this.#conclude(this.#failureOf(failure));
        else reject(failure);
      });
      unlessCancelled(this.#cancel, this.#previous).then(resolve, reject);
    });
  }

  /** Runs the bundle in a worker; resolves when that is gone. No closure in here mentions the bundle: it would keep its bytes. */
  #work(bundle: Uint8Array): Promise<Outcome> {
    if (this.#stop) throw new Cancelled();
    this.#phase = "loading";
    let ended: (outcome: Outcome) => void = () => {};
    const outcome = new Promise<Outcome>((resolve) => {
      ended = resolve;
    });
    const events: WorkerEvents = {
      message: (message) => this.#message(message),
      exit: (exit) => ended(this.#outcomeOf(exit)),
    };
    const spec = { identity: identityOf(this.assignment), bundle, memoryBytes: this.assignment.resources.memoryBytes };
    this.#deps.workers.launch(spec, events).then(
      (worker) => this.#launched(worker),
      (error: unknown) => ended(this.#notLaunched(error)),
    );
    return outcome;
  }

  #launched(worker: WorkerHandle): void {
    this.#worker = worker;
    if (this.#terminated) worker.terminate();
    else if (this.#stop) worker.send({ type: "stop", reason: this.#stop.reason });
  }

  #notLaunched(error: unknown): Outcome {
    this.#deps.log.error("no worker could be started", { ...this.#fields(), error: messageOf(error) });
    if (this.#verdict) return this.#verdict;
    if (this.#stop) return this.#stopped();
    return { status: "failed", reason: "crashed", message: `no worker could be started: ${messageOf(error)}` };
  }

  #message(message: WorkerMessage): void {
    if (this.#phase === "ended") return;
    switch (message.type) {
      case "output":
        if (message.dropped !== undefined) this.#events.dropped(message.dropped);
        this.#streams[message.stream].write(message.text, message.at);
        break;
      case "running":
        if (this.#phase !== "loading" || this.#verdict) break;
        this.#phase = "running";
        this.#starting?.cancel();
        if (!this.#stop) this.#report({ status: "running" });
        if (message.health && !this.#stop) this.#health.start();
        break;
      case "health":
        this.#health.answered(message.problem);
        break;
      case "progress":
        this.#progress(message.fraction, message.text ?? "");
        break;
      case "storage":
        void this.#deps.storage
          .of(this.assignment.namespace, this.assignment.pack.name)
          .ask(message.request)
          .then((answer) => this.#worker?.send({ type: "storage", id: message.id, answer }));
        break;
      case "done": {
        const parting = partingOf(message.result, message.message);
        if (this.#stop) {
          this.#parting = parting;
          this.#terminate();
        } else this.#conclude({ status: "stopped", reason: "completed", ...parting });
        break;
      }
      case "failed":
        if (this.#stop) this.#terminate();
        else this.#conclude({ status: "failed", reason: message.reason, message: message.message });
    }
  }

  #progress(fraction: number | undefined, text: string): void {
    this.#events.progress(fraction, text);
    const now = this.#deps.clock.monotonic();
    if (now - this.#progressAt < PROGRESS_MS && fraction !== 1) return;
    this.#progressAt = now;
    const share = fraction === undefined ? "" : `${Math.floor(fraction * 100)} %`;
    this.#line("system", ["progress:", share, text].filter((part) => part !== "").join(" "), this.#deps.clock.now());
  }

  /** It has come to its end, whatever its worker still does. */
  #conclude(verdict: Outcome): void {
    this.#verdict ??= verdict;
    this.#terminate();
  }

  #halt(stop: Stop): void {
    const first = this.#stop === undefined;
    this.#stop = { ...(this.#stop ?? stop), silent: this.silent || stop.silent };
    if (this.#phase === "preparing") {
      this.#cancel.cancel();
      return;
    }
    if (first) {
      this.#health.stop();
      this.#starting?.cancel();
      this.#report({ status: "stopping", reason: stop.reason });
      if (stop.graceMs > 0) this.#worker?.send({ type: "stop", reason: stop.reason });
    }
    this.#limitGrace(stop.graceMs);
  }

  #limitGrace(graceMs: number): void {
    if (this.#phase === "preparing" || this.#phase === "ended" || this.#terminated) return;
    if (graceMs <= 0) {
      this.#terminate();
      return;
    }
    this.#grace?.cancel();
    this.#grace = this.#deps.clock.timer(graceMs, () => {
      this.#parting = { ...this.#parting, message: `it did not stop within ${graceMs} ms and was terminated` };
      this.#terminate();
    });
  }

  #terminate(): void {
    if (this.#terminated) return;
    this.#terminated = true;
    this.#health.stop();
    this.#grace?.cancel();
    this.#stuck = this.#deps.clock.timer(STUCK_MS, () => {
      this.#deps.log.warn("a worker that was terminated is not gone: its pack is in a call that cannot be interrupted", this.#fields());
    });
    this.#worker?.terminate();
  }

  #outcomeOf(exit: WorkerExit): Outcome {
    if (this.#verdict) return this.#verdict;
    if (this.#stop) return this.#stopped();
    return outcomeOf(exit, this.#phase === "loading");
  }

  #failureOf(error: unknown): Outcome {
    if (error instanceof Cancelled) return this.#stopped();
    if (error instanceof BundleError || error instanceof StartFailure)
      return { status: "failed", reason: error.reason, message: error.message };
    this.#deps.log.error("a pod failed in the agent itself", { ...this.#fields(), error: messageOf(error) });
    return { status: "failed", reason: "crashed", message: stackOf(error, MAX_MESSAGE_BYTES) };
  }

  #stopped(): Outcome {
    return { status: "stopped", reason: this.#stop?.reason ?? "stopped_by_user", ...this.#parting };
  }

  #finish(outcome: Outcome): void {
    for (const timer of [this.#starting, this.#grace, this.#stuck]) timer?.cancel();
    this.#health.stop();
    this.#cancel.cancel(); // a fetch that nobody waits for
    this.#streams.stdout.end();
    this.#streams.stderr.end();
    if (outcome.status === "failed" && !this.silent) {
      for (const line of `${outcome.reason}: ${outcome.message ?? ""}`.split("\n")) this.#line("system", line, this.#deps.clock.now());
    }
    this.#report(outcome);
    this.#phase = "ended";
    this.#deps.log.info("pod ended", { ...this.#fields(), status: outcome.status, reason: outcome.reason, silent: this.silent });
    this.#events.ended();
  }

  #report(outcome: Outcome): void {
    if (this.silent) return;
    this.#status = outcome.status;
    const { message, ...rest } = outcome;
    this.#events.status({
      podId: this.podId,
      incarnation: this.incarnation,
      ...rest,
      ...(message === undefined ? {} : { message: truncateUtf8(storable(message), MAX_MESSAGE_BYTES) }),
      at: new Date(this.#deps.clock.now()).toISOString(),
    });
  }

  #line(stream: LogStream, text: string, at: number): void {
    this.#events.line({ at: new Date(at).toISOString(), stream, text });
  }

  #fields(): { pod: string; podId: string; incarnation: number } {
    return { pod: `${this.assignment.namespace}/${this.assignment.name}`, podId: this.podId, incarnation: this.incarnation };
  }
}

function identityOf({ podId, name, incarnation, namespace, pack, env, args, metadata }: Assignment): PackIdentity {
  return {
    podId,
    podName: name,
    packId: pack.id,
    packName: pack.name,
    packVersion: pack.version,
    runtimeTag: pack.runtimeTag,
    namespace,
    incarnation,
    env,
    args,
    metadata,
  };
}
