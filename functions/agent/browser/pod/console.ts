/** The console of a pod's worker, which writes lines of text as Node.js' console does. */
import { format, inspect } from "../../core/pack/inspect.ts";
import type { TextOutput } from "../../core/pack/output.ts";
import type { PackLog } from "../../core/pack/contract.ts";

export class PodConsole {
  readonly log: PackLog;
  readonly #stdout: TextOutput;
  readonly #stderr: TextOutput;
  readonly #counts = new Map<string, number>();
  readonly #times = new Map<string, number>();
  #indentation = "";

  constructor(stdout: TextOutput, stderr: TextOutput) {
    this.#stdout = stdout;
    this.#stderr = stderr;
    const to =
      (output: TextOutput) =>
      (...args: unknown[]) =>
        this.#write(output, "", args);
    this.log = { debug: to(stdout), info: to(stdout), warn: to(stderr), error: to(stderr) };
  }

  /** Replaces the methods of `console`, which otherwise writes to the developer tools of the page. */
  patch(console: Console): void {
    const out = (...args: unknown[]) => this.#write(this.#stdout, this.#indentation, args);
    const err = (...args: unknown[]) => this.#write(this.#stderr, this.#indentation, args);
    Object.assign(console, {
      debug: out,
      info: out,
      log: out,
      dirxml: out,
      error: err,
      warn: err,
      dir: (value: unknown) => out(inspect(value)),
      table: (value: unknown) => out(inspect(value)),
      trace: (...args: unknown[]) => err(`Trace: ${format(...args)}\n${(new Error().stack ?? "").split("\n").slice(2).join("\n")}`),
      assert: (holds?: unknown, ...args: unknown[]) => {
        if (!holds) err(`Assertion failed${args.length > 0 ? `: ${format(...args)}` : ""}`);
      },
      count: (label = "default") => {
        const count = (this.#counts.get(label) ?? 0) + 1;
        this.#counts.set(label, count);
        out(`${label}: ${count}`);
      },
      countReset: (label = "default") => void this.#counts.delete(label),
      group: (...args: unknown[]) => {
        if (args.length > 0) out(...args);
        this.#indentation += "  ";
      },
      groupCollapsed: (...args: unknown[]) => console.group(...args),
      groupEnd: () => {
        this.#indentation = this.#indentation.slice(2);
      },
      time: (label = "default") => void this.#times.set(label, performance.now()),
      timeLog: (label = "default", ...args: unknown[]) => out(`${label}: ${this.#elapsed(label)}`, ...args),
      timeEnd: (label = "default") => {
        out(`${label}: ${this.#elapsed(label)}`);
        this.#times.delete(label);
      },
      clear: () => {},
    });
  }

  #elapsed(label: string): string {
    const since = this.#times.get(label);
    return since === undefined ? "no such timer" : `${(performance.now() - since).toFixed(3)}ms`;
  }

  #write(output: TextOutput, indentation: string, args: unknown[]): void {
    const text = format(...args);
    output.write(`${indentation === "" ? text : indentation + text.replaceAll("\n", `\n${indentation}`)}\n`);
  }
}
