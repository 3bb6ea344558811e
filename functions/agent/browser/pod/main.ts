/** What runs in a pod's Web Worker: the core's runner, in a browser. */
import type { PackIdentity } from "../../core/pack/contract.ts";
import { parseWorkerCommand, type WorkerMessage } from "../../core/pack/messages.ts";
import { TextOutput, type InFlight } from "../../core/pack/output.ts";
import { PackRunner } from "../../core/pack/runner.ts";
import { isObject } from "../../core/schema.ts";
import { PodConsole } from "./console.ts";
import { load, sourceOf } from "./load.ts";

/** What the launcher gives to a worker. */
export interface PodInput {
  port: MessagePort;
  identity: PackIdentity;
  bundle: Uint8Array;
}

const scope = globalThis as unknown as DedicatedWorkerGlobalScope;

/** Characters. A pack that never yields is not told what the agent has taken; the agent takes far more than this meanwhile. */
const TAKEN_PER_MS = 256;

/** What the agent has not taken yet, as far as this worker knows. */
class Unconfirmed implements InFlight {
  #count = 0;
  #at = performance.now();

  count(): number {
    const now = performance.now();
    this.#count = Math.max(0, this.#count - (now - this.#at) * TAKEN_PER_MS);
    this.#at = now;
    return this.#count;
  }

  add(characters: number): void {
    this.#count += characters;
  }

  taken(characters: number): void {
    this.#count = Math.max(0, this.#count - characters);
  }
}

function main({ port, identity, bundle }: PodInput): void {
  const post: (message: WorkerMessage | { type: "alive" }) => void = port.postMessage.bind(port);
  const inFlight = new Unconfirmed();
  const stdout = new TextOutput("stdout", inFlight, post);
  const stderr = new TextOutput("stderr", inFlight, post);
  const podConsole = new PodConsole(stdout, stderr);
  podConsole.patch(console);

  const controller = new AbortController();
  const runner = new PackRunner(
    {
      load: () => load(bundle),
      post(message) {
        stdout.flush();
        stderr.flush();
        post(message);
      },
      signal: controller.signal,
      abort: (reason) => controller.abort(new DOMException(`the pod is to stop: ${reason}`, "AbortError")),
      fetch: scope.fetch.bind(scope),
      log: podConsole.log,
      bundle: sourceOf(bundle),
    },
    identity,
  );
  port.onmessage = ({ data }: MessageEvent<unknown>) => {
    if (isObject(data) && data["type"] === "taken" && typeof data["characters"] === "number") inFlight.taken(data["characters"]);
    else if (isObject(data) && data["type"] === "alive") post({ type: "alive" });
    else {
      const command = parseWorkerCommand(data);
      if (command) runner.command(command);
    }
  };
  endWithErrors(runner);
  // close() would end the worker without a word.
  Object.defineProperty(scope, "close", { value: () => runner.closed(), configurable: true });
  void runner.run();
}

/** On Node.js an error that nobody catches ends the thread; so it does here. */
function endWithErrors(runner: PackRunner): void {
  scope.addEventListener("error", (event) => {
    event.preventDefault();
    runner.uncaught(event.error ?? event.message);
  });
  scope.addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    runner.uncaught(event.reason);
  });
}

scope.onmessage = ({ data }: MessageEvent<PodInput>) => {
  scope.onmessage = null;
  main(data);
};
