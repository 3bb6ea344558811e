/** Runs one pack inside its worker, from loading to its end. The same in every runtime; the realm brings the rest. */
import { stackOf } from "../errors.ts";
import { MAX_MESSAGE_BYTES } from "../protocol.ts";
import { encodeResult, type EncodedResult } from "../result.ts";
import { entryOf, type LoadedBundle, type PackContext, type PackIdentity, type PackLog } from "./contract.ts";
import type { WorkerCommand, WorkerMessage } from "./messages.ts";
import { mapStack, type BundleSource } from "./sourcemap.ts";
import { StorageClient } from "./storage.ts";
import { truncateUtf8 } from "../text.ts";

/** What the worker's platform brings. */
export interface Realm {
  /** Evaluates the bundle. Rejects with whatever it threw. */
  load(): Promise<LoadedBundle>;
  post(message: WorkerMessage): void;
  /** The platform's AbortSignal, and how to abort it. */
  signal: unknown;
  abort(reason: string): void;
  fetch: unknown;
  log: PackLog;
  /** The bundle as stacks show it, for its source map. */
  bundle?: BundleSource;
}

/** What a bundle without an entry is told. */
export const NO_ENTRY =
  "the bundle has no default export that can be run: export default a function (context) => …, or an object with start(context)";

/** One run of one pack. `run` once; `stop` at most once counts. */
export class PackRunner {
  readonly #realm: Realm;
  readonly #identity: PackIdentity;
  readonly #storage: StorageClient;
  readonly #shutdownHandlers: (() => unknown)[] = [];
  #health: (() => unknown) | undefined;
  #signalTaken = false;
  #stopping = false;
  #ended = false;
  /** The entry's promise, once called; settles and never rejects. */
  #returned: Promise<void> | undefined;
  /** What the entry returned after it was told to stop. */
  #lateResult: EncodedResult = {};
  #handlerFailure: string | undefined;

  constructor(realm: Realm, identity: PackIdentity) {
    this.#realm = realm;
    this.#identity = identity;
    this.#storage = new StorageClient((message) => realm.post(message));
  }

  /** Whether the pack's entry has been called. */
  get called(): boolean {
    return this.#returned !== undefined;
  }

  /** Does what the agent says. */
  command(command: WorkerCommand): void {
    switch (command.type) {
      case "stop":
        void this.stop(command.reason);
        break;
      case "health":
        void this.#answerHealth();
        break;
      case "storage":
        this.#storage.answered(command.id, command.answer);
    }
  }

  /** Something in the worker failed that nobody catches: that is the pack's end. */
  uncaught(error: unknown): void {
    this.#end({ type: "failed", reason: this.called ? "crashed" : "import_error", message: this.#describe(error) });
  }

  /** The pack ended its worker itself. */
  closed(): void {
    if (this.called) this.#end(doneWith(undefined, "it closed its worker"));
    else this.#end({ type: "failed", reason: "import_error", message: "it closed its worker while it was loaded" });
  }

  /** Loads and calls the pack; resolves when the entry's promise has settled. Never rejects. */
  async run(): Promise<void> {
    let entry;
    try {
      entry = entryOf(await this.#realm.load());
    } catch (error) {
      this.#end({ type: "failed", reason: "import_error", message: this.#describe(error) });
      return;
    }
    if (this.#ended || this.#stopping) return;
    if (!entry) {
      this.#end({ type: "failed", reason: "import_error", message: NO_ENTRY });
      return;
    }
    if (entry.stop) this.#shutdownHandlers.push(entry.stop);
    // Before the call: an entry that never returns is running all the same.
    this.#health = entry.health;
    this.#realm.post(entry.health ? { type: "running", health: true } : { type: "running" });
    const { start } = entry;
    const keepsRunning = entry.stop !== undefined;
    this.#returned = (async () => start(this.#context()))()
      .then((value) => this.#settled(value, keepsRunning))
      .catch((error: unknown) => this.#rejected(error));
    await this.#returned;
  }

  /**
   * Tells the pack to stop and reports when it has: after its shutdown handlers, and, if it took the signal, after its
   * promise has settled. Whoever calls this ends the worker when the grace period is over. Never rejects.
   */
  async stop(reason: string): Promise<void> {
    if (this.#stopping || this.#ended) return;
    this.#stopping = true;
    this.#realm.abort(reason);
    await this.#runShutdownHandlers();
    if (this.#signalTaken) {
      await this.#returned;
      await this.#runShutdownHandlers(); // what it added or returned meanwhile
    }
    this.#end(doneWith(this.#lateResult.json, this.#handlerFailure ?? this.#lateResult.note));
  }

  async #answerHealth(): Promise<void> {
    let problem: string | undefined;
    try {
      if ((await this.#health?.()) === false) problem = "health() gave false";
    } catch (error) {
      problem = this.#describe(error, MAX_MESSAGE_BYTES / 2);
    }
    this.#realm.post(problem === undefined ? { type: "health" } : { type: "health", problem });
  }

  #progress(fraction: unknown, text: unknown): void {
    if (typeof fraction !== "number" || !(fraction >= 0 && fraction <= 1)) throw new TypeError("progress takes a number from 0 to 1");
    if (text !== undefined && typeof text !== "string") throw new TypeError("what progress says is a string");
    this.#realm.post({ type: "progress", fraction, ...(text === undefined ? {} : { text }) });
  }

  async #runShutdownHandlers(): Promise<void> {
    for (let handler = this.#shutdownHandlers.pop(); handler; handler = this.#shutdownHandlers.pop()) {
      try {
        await handler();
      } catch (error) {
        this.#handlerFailure ??= `a shutdown handler failed: ${this.#describe(error, MAX_MESSAGE_BYTES / 2)}`;
        this.#realm.log.error("a shutdown handler failed:", error);
      }
    }
  }

  #settled(value: unknown, keepsRunning: boolean): void {
    const stop = stopOf(value);
    if (stop) {
      this.#shutdownHandlers.push(stop);
      return;
    }
    const result = encodeResult(value);
    if (this.#stopping) {
      this.#lateResult = result; // for `stop`, whose handlers may be at work
      return;
    }
    if (keepsRunning) return;
    this.#end(doneWith(result.json, result.note));
  }

  #rejected(error: unknown): void {
    // Told to stop, many packs end with an AbortError: that is no crash.
    if (!this.#stopping) this.#end({ type: "failed", reason: "crashed", message: this.#describe(error) });
  }

  /** An error's stack, in terms of the sources where they are known. */
  #describe(error: unknown, maxBytes = MAX_MESSAGE_BYTES): string {
    const stack = stackOf(error, maxBytes);
    return this.#realm.bundle ? truncateUtf8(mapStack(stack, this.#realm.bundle), maxBytes) : stack;
  }

  #end(message: WorkerMessage): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#realm.post(message);
  }

  #context(): PackContext {
    const takeSignal = () => {
      this.#signalTaken = true;
      return this.#realm.signal;
    };
    return {
      ...this.#identity,
      get signal() {
        return takeSignal();
      },
      onShutdown: (handler) => {
        if (typeof handler !== "function") throw new TypeError("onShutdown takes a function");
        this.#shutdownHandlers.push(handler);
      },
      log: this.#realm.log,
      fetch: this.#realm.fetch,
      storage: this.#storage.face,
      progress: (fraction, text) => this.#progress(fraction, text),
    };
  }
}

function doneWith(result: string | undefined, message: string | undefined): WorkerMessage {
  return { type: "done", ...(result === undefined ? {} : { result }), ...(message === undefined ? {} : { message }) };
}

/** `stop` of the object that an entry returned to say: I keep running until this is called. */
function stopOf(value: unknown): (() => unknown) | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { stop } = value as { stop?: unknown };
  return typeof stop === "function" ? () => stop.call(value) : undefined;
}
