/**
 * A process that outlives the agent by a moment: it is told of the agent's child processes and ends them when the agent is gone without a
 * word. They cannot see to it themselves: a pack that never yields sees nothing.
 */
import { fork, type ChildProcess } from "node:child_process";

/** The environment of the agent's script says so. */
export const GUARD = "STARK_AGENT_GUARD";

type ToGuard = { add: number } | { remove: number };

/** Lives in this process. */
export function runGuard(): void {
  const pids = new Set<number>();
  process.on("message", (order: ToGuard) => {
    if ("add" in order) pids.add(order.add);
    else pids.delete(order.remove);
  });
  process.on("disconnect", () => {
    for (const pid of pids) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // gone already
      }
    }
    process.exit(0);
  });
  process.send?.("ready"); // from now on the agent's end is seen
  // What is meant for the agent, whose group this is in, is the agent's to act on.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => {});
}

/** The agent's side. */
export class Guard {
  readonly #script: string;
  readonly #pids = new Set<number>();
  #process: ChildProcess | undefined;
  #ready: Promise<void> | undefined;

  /** `script` is the agent's own. */
  constructor(script: string) {
    this.#script = script;
  }

  /** Resolves when the guard is on duty: before that no child should start. Rejects when it cannot be. */
  ready(): Promise<void> {
    this.#ready ??= this.#start();
    return this.#ready;
  }

  add(pid: number): void {
    this.#pids.add(pid);
    this.#tell({ add: pid });
  }

  remove(pid: number): void {
    this.#pids.delete(pid);
    this.#tell({ remove: pid });
  }

  #start(): Promise<void> {
    const guard = fork(this.#script, [], { env: { [GUARD]: "1" }, execArgv: [], stdio: ["ignore", "ignore", "ignore", "ipc"] });
    this.#process = guard;
    for (const pid of this.#pids) this.#tell({ add: pid });
    guard.unref();
    return new Promise((resolve, reject) => {
      const lost = () => {
        this.#ready = undefined; // the next pod brings another
        reject(new Error("the process that guards the pods' processes ended"));
      };
      guard.on("exit", lost).on("error", lost);
      guard.once("message", () => {
        guard.channel?.unref();
        resolve();
      });
    });
  }

  #tell(order: ToGuard): void {
    if (this.#process?.connected) this.#process.send(order, () => {});
  }
}
