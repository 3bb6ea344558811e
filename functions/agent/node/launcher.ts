/**
 * Pods in worker threads. A thread has its own heap limit, event loop, environment and output, and can be ended at any time. It is no
 * security boundary: a pack can do what the agent's process may do (docs/packs.md).
 */
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Worker, type ResourceLimits } from "node:worker_threads";
import { parseWorkerMessage } from "../core/pack/messages.ts";
import type { WorkerEvents, WorkerExit, WorkerHandle, WorkerLauncher, WorkerSpec } from "../core/ports.ts";
import type { WorkerInput } from "./worker/main.ts";

const MIB = 1 << 20;
/** Below this a thread does not even start. */
const MIN_HEAP_MIB = 16;

/** The script of a worker: its source, or where it is. */
export type WorkerScript = { source: string } | { url: URL };

export class ThreadLauncher implements WorkerLauncher {
  readonly #script: WorkerScript;
  readonly #scratch: string;

  /** `scratch` is a directory for the files of pods while they run. */
  constructor(script: WorkerScript, scratch: string) {
    this.#script = script;
    this.#scratch = scratch;
  }

  async launch(spec: WorkerSpec, events: WorkerEvents): Promise<WorkerHandle> {
    const dir = join(this.#scratch, `${spec.identity.podId}-${spec.identity.incarnation}`);
    await mkdir(dir);
    const removed = () => rm(dir, { recursive: true, force: true });
    try {
      const file = join(dir, "pack");
      await writeFile(file, spec.bundle, { mode: 0o600 });
      return this.#start(spec, file, events, removed);
    } catch (error) {
      await removed();
      throw error;
    }
  }

  #start(spec: WorkerSpec, file: string, events: WorkerEvents, remove: () => Promise<void>): WorkerHandle {
    const { identity, memoryBytes } = spec; // not spec itself in what follows: it would keep the bundle's bytes for as long as the pod runs
    const inFlight = new Int32Array(new SharedArrayBuffer(4));
    const input: WorkerInput = { identity, file, inFlight };
    const worker = new Worker("source" in this.#script ? this.#script.source : this.#script.url, {
      eval: "source" in this.#script,
      name: identity.podName,
      workerData: input,
      // The agent's own environment and flags are none of the pack's business.
      env: identity.env,
      argv: [],
      execArgv: [],
      stdout: true,
      stderr: true,
      ...(memoryBytes > 0 ? { resourceLimits: limitsOf(memoryBytes) } : {}),
    });
    let problem: WorkerExit | undefined;
    worker.on("message", (value: unknown) => {
      const message = parseWorkerMessage(value);
      if (!message) return;
      if (message.type === "output") Atomics.sub(inFlight, 0, message.text.length);
      events.message(message);
    });
    this.#catchStray(worker, events);
    worker.on("error", (error) => {
      problem ??= problemOf(error, memoryBytes);
    });
    worker.on("exit", (code) => {
      // Also when it cannot be removed: what is left there is removed at the next start.
      remove()
        .catch(() => {})
        .finally(() => events.exit(problem ?? { kind: "exit", code }));
    });
    return {
      send: (command) => worker.postMessage(command),
      terminate: () => void worker.terminate(),
    };
  }

  /** What goes past the worker's own capture, e.g. a pack that calls the prototype's `write`. */
  #catchStray(worker: Worker, events: WorkerEvents): void {
    for (const stream of ["stdout", "stderr"] as const) {
      worker[stream].setEncoding("utf8").on("data", (text: string) => events.message({ type: "output", stream, text, at: Date.now() }));
    }
  }
}

/** The pod's memory, divided among the parts of V8's heap. What is outside of it (ArrayBuffers, native code) has no limit here. */
export function limitsOf(memoryBytes: number): ResourceLimits {
  const heap = Math.max(MIN_HEAP_MIB, Math.floor(memoryBytes / MIB));
  const young = Math.min(32, Math.max(2, Math.floor(heap / 8)));
  return { maxYoungGenerationSizeMb: young, maxOldGenerationSizeMb: heap - young };
}

function problemOf(error: unknown, memoryBytes: number): WorkerExit {
  if ((error as NodeJS.ErrnoException | undefined)?.code !== "ERR_WORKER_OUT_OF_MEMORY") return { kind: "error", error };
  const limit = memoryBytes > 0 ? ` of ${Math.max(MIN_HEAP_MIB, Math.floor(memoryBytes / MIB))} MiB` : "";
  return { kind: "oom", message: `it ran into its memory limit${limit}` };
}
