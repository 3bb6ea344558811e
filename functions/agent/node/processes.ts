/**
 * Pods in processes of their own, under Node.js' permission model: no files but the pod's own directory, no child processes, no threads, no
 * native code. The network is theirs. For packs that are not trusted, and for nodes whose pods must outlive a neighbour that V8 aborts.
 */
import { fork, type ChildProcess } from "node:child_process";
import { mkdir, realpath, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseWorkerMessage } from "../core/pack/messages.ts";
import type { WorkerEvents, WorkerExit, WorkerHandle, WorkerLauncher, WorkerSpec } from "../core/ports.ts";
import type { Guard } from "./guard.ts";
import { limitsOf } from "./launcher.ts";
import type { ProcessInput } from "./worker/main.ts";

/** Where the worker's script is, and what it may read besides. */
export interface ProcessScript {
  path: string;
  beside: string[];
}

export class ProcessLauncher implements WorkerLauncher {
  readonly #script: () => Promise<ProcessScript>;
  readonly #scratch: string;
  readonly #guard: Guard;

  /** `scratch` is a directory for the files of pods while they run. */
  constructor(script: () => Promise<ProcessScript>, scratch: string, guard: Guard) {
    this.#script = script;
    this.#scratch = scratch;
    this.#guard = guard;
  }

  async launch(spec: WorkerSpec, events: WorkerEvents): Promise<WorkerHandle> {
    const { identity, bundle, memoryBytes } = spec;
    const script = await this.#script();
    await this.#guard.ready();
    const dir = join(await realpath(this.#scratch), `${identity.podId}-${identity.incarnation}`);
    await mkdir(dir, { mode: 0o700 });
    const remove = () => rm(dir, { recursive: true, force: true });
    try {
      const input: ProcessInput = { identity, file: join(dir, "pack") };
      await writeFile(input.file, bundle, { mode: 0o600 });
      const child = fork(script.path, [], {
        cwd: dir,
        env: identity.env,
        execArgv: [...permissions([script.path, ...script.beside, dir], dir), ...heapOf(memoryBytes)],
        stdio: ["ignore", "ignore", "ignore", "ipc"],
      });
      child.send(input, () => {}); // one that cannot be sent is followed by the exit
      return this.#watch(child, memoryBytes, events, remove);
    } catch (error) {
      await remove();
      throw error;
    }
  }

  #watch(child: ChildProcess, memoryBytes: number, events: WorkerEvents, remove: () => Promise<void>): WorkerHandle {
    const { pid } = child;
    if (pid !== undefined) this.#guard.add(pid);
    let terminated = false;
    let end: WorkerExit | undefined;
    let waits = 2; // for the process, and for what it has said
    const over = () => {
      if (--waits > 0) return;
      if (pid !== undefined) this.#guard.remove(pid);
      // Also when it cannot be removed: what is left there is removed at the next start.
      remove()
        .catch(() => {})
        .finally(() => events.exit(end ?? { kind: "exit", code: 1 }));
    };
    child.on("message", (value) => {
      const message = parseWorkerMessage(value);
      if (message) events.message(message);
    });
    child.on("error", (error) => {
      if (pid !== undefined) return; // a signal or a message that did not reach it
      end ??= { kind: "error", error };
      waits = 1;
      over();
    });
    child.on("exit", (code, signal) => {
      end ??= terminated ? { kind: "exit", code: 1 } : endOf(code, signal, memoryBytes);
      over();
    });
    child.on("disconnect", () => {
      child.kill("SIGKILL"); // one that does not listen any more cannot be stopped in another way
      over();
    });
    return {
      send: (command) => void (child.connected && child.send(command, () => {})),
      terminate() {
        terminated = true;
        child.kill("SIGKILL"); // also out of a call that blocks
      },
    };
  }
}

/** What the end of a process means that could not say it. */
function endOf(code: number | null, signal: NodeJS.Signals | null, memoryBytes: number): WorkerExit {
  const limit = memoryBytes > 0 ? ` of ${Math.floor(memoryBytes / (1 << 20))} MiB` : "";
  // V8 aborts, or traps, when it has no memory.
  if (signal === "SIGABRT" || signal === "SIGTRAP" || signal === "SIGILL") {
    return { kind: "oom", message: `it ran into its memory limit${limit}, and V8 ended its process (${signal})` };
  }
  if (signal === "SIGKILL") return { kind: "oom", message: "its process was killed, as systems do that have no memory left" };
  return { kind: "exit", code: code ?? 1 };
}

function permissions(readable: string[], writable: string): string[] {
  const flag = process.allowedNodeEnvironmentFlags.has("--permission") ? "--permission" : "--experimental-permission";
  return [flag, "--no-warnings", ...readable.map((path) => `--allow-fs-read=${path}`), `--allow-fs-write=${writable}`];
}

function heapOf(memoryBytes: number): string[] {
  if (memoryBytes <= 0) return [];
  const { maxOldGenerationSizeMb = 0, maxYoungGenerationSizeMb = 0 } = limitsOf(memoryBytes);
  // The young generation is three semi-spaces.
  return [
    `--max-old-space-size=${maxOldGenerationSizeMb}`,
    `--max-semi-space-size=${Math.max(1, Math.floor(maxYoungGenerationSizeMb / 3))}`,
  ];
}
