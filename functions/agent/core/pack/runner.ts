/** Runs one pack inside its worker, from loading to its end. The same in every runtime; the realm brings the rest. */
import { stackOf } from "../errors.ts";
import { MAX_MESSAGE_BYTES } from "../protocol.ts";
import { encodeResult, type EncodedResult } from "../result.ts";
import { entryOf, type LoadedBundle, type PackContext, type PackIdentity, type PackLog } from "./contract.ts";
import type { WorkerMessage } from "./messages.ts";

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
}

/** What a bundle without an entry is told. */
export const NO_ENTRY =
  "the bundle has no default export that can be run: export default a function (context) => …, or an object with start(context)";

/** One run of one pack. `run` once; `stop` at most once counts. */
export class PackRunner {
  readonly #realm: Realm;
  readonly #identity: PackIdentity;
  readonly #shutdownHandlers: (() => unknown)[] = [];
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
  }

  /** Loads and calls the pack; resolves when the entry's promise has settled. Never rejects. */
  async run(): Promise<void> {
    let entry;
    try {
      entry = entryOf(await this.#realm.load());
    } catch (error) {
      this.#end({ type: "failed", reason: "import_error", message: stackOf(error, MAX_MESSAGE_BYTES) });
      return;
    }
    if (this.#ended || this.#stopping) return;
    if (!entry) {
      this.#end({ type: "failed", reason: "import_error", message: NO_ENTRY });
      return;
    }
    if (entry.stop) this.#shutdownHandlers.push(entry.stop);
    // Before the call: an entry that never returns is running all the same.
    this.#realm.post({ type: "running" });
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

  async #runShutdownHandlers(): Promise<void> {
    for (let handler = this.#shutdownHandlers.pop(); handler; handler = this.#shutdownHandlers.pop()) {
      try {
        await handler();
      } catch (error) {
        this.#handlerFailure ??= `a shutdown handler failed: ${stackOf(error, MAX_MESSAGE_BYTES / 2)}`;
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
    if (!this.#stopping) this.#end({ type: "failed", reason: "crashed", message: stackOf(error, MAX_MESSAGE_BYTES) });
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
