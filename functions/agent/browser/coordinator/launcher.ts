/**
 * Pods in Web Workers. A worker's script is a data: URL, which gives it an origin of its own: a pack cannot see what the page's origin
 * keeps (sessions, other packs' storage), and nobody's cookies go with its requests. The bundle goes into it as bytes that were verified.
 */
import { parseWorkerMessage } from "../../core/pack/messages.ts";
import type { WorkerEvents, WorkerExit, WorkerHandle, WorkerLauncher, WorkerSpec } from "../../core/ports.ts";
import type { PodInput } from "../pod/main.ts";

/**
 * What a browser takes to end a worker that does not yield: Chromium asks for two seconds and then forces it. Nothing tells us when it is
 * gone, so that much time must pass before another node may run the pod.
 */
export const FORCED_END_MS = 2_500;
/** The answer to a question of a worker that yields. */
const RESPONSIVE_MS = 250;

export class WebWorkerLauncher implements WorkerLauncher {
  readonly #script: string;

  /** `source` is the script of a worker. */
  constructor(source: string) {
    this.#script = `data:text/javascript;charset=utf-8,${encodeURIComponent(source)}`;
  }

  launch(spec: WorkerSpec, events: WorkerEvents): Promise<WorkerHandle> {
    const { port1: port, port2 } = new MessageChannel();
    const worker = new Worker(this.#script, { name: spec.identity.podName });
    const input: PodInput = { port: port2, identity: spec.identity, bundle: spec.bundle };
    worker.postMessage(input, [port2]);
    return Promise.resolve(handleOf(worker, port, events));
  }
}

function handleOf(worker: Worker, port: MessagePort, events: WorkerEvents): WorkerHandle {
  let over = false;
  let ending = false;
  let concluded = false;
  const gone = (exit: WorkerExit) => {
    if (over) return;
    over = true;
    port.close();
    worker.terminate();
    events.exit(exit);
  };
  const lastly = (then: () => void) => {
    // After what the worker has already said.
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      then();
    };
    port2.postMessage(undefined);
  };
  port.onmessage = ({ data }: MessageEvent<unknown>) => {
    if (over) return;
    if (isAlive(data)) {
      concluded = true; // it yields, so that terminate() ends it at once
      if (ending) lastly(() => gone({ kind: "exit", code: 1 }));
      return;
    }
    const message = parseWorkerMessage(data);
    if (!message) return;
    if (message.type === "output") port.postMessage({ type: "taken", characters: message.text.length });
    if (message.type === "done" || message.type === "failed") concluded = true;
    events.message(message);
  };
  // The worker's own script did not run: the page does not allow it, or the browser has no memory left.
  worker.onerror = (event) => {
    event.preventDefault();
    gone({ kind: "error", error: new Error(event.message || "the browser could not run the pod's worker") });
  };
  return {
    send: (command) => port.postMessage(command),
    terminate() {
      if (ending || over) return;
      ending = true;
      if (concluded) {
        worker.terminate();
        lastly(() => gone({ kind: "exit", code: 1 }));
        return;
      }
      port.postMessage({ type: "alive" });
      setTimeout(() => {
        if (over) return;
        worker.terminate();
        setTimeout(() => gone({ kind: "exit", code: 1 }), FORCED_END_MS);
      }, RESPONSIVE_MS);
    },
  };
}

function isAlive(data: unknown): boolean {
  return typeof data === "object" && data !== null && (data as { type?: unknown }).type === "alive";
}
