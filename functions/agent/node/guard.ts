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
  // What is meant for the agent, whose group this is in, is the agent's to act on.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => {});
}

/** The agent's side. */
export class Guard {
  readonly #script: string;
  readonly #pids = new Set<number>();
  #process: ChildProcess | undefined;

  /** `script` is the agent's own. */
  constructor(script: string) {
    this.#script = script;
  }

  add(pid: number): void {
    this.#pids.add(pid);
    if (this.#process) this.#tell({ add: pid });
    else this.#start();
  }

  remove(pid: number): void {
    this.#pids.delete(pid);
    this.#tell({ remove: pid });
  }

  #start(): void {
    const guard = fork(this.#script, [], { env: { [GUARD]: "1" }, execArgv: [], stdio: ["ignore", "ignore", "ignore", "ipc"] });
    this.#process = guard;
    const lost = () => {
      if (this.#process === guard) this.#process = undefined; // the next pod brings another
    };
    guard.on("exit", lost).on("error", lost);
    guard.unref();
    guard.channel?.unref();
    for (const pid of this.#pids) this.#tell({ add: pid });
  }

  #tell(order: ToGuard): void {
    if (this.#process?.connected) this.#process.send(order, () => {});
  }
}
