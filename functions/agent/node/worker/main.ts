/** What runs in a pod's worker, which is a thread or a process of its own: the core's runner, on Node.js. */
import { setMaxListeners } from "node:events";
import { format } from "node:util";
import { parentPort, workerData, type MessagePort } from "node:worker_threads";
import type { PackIdentity, PackLog } from "../../core/pack/contract.ts";
import { parseWorkerCommand, type WorkerMessage } from "../../core/pack/messages.ts";
import { PackRunner } from "../../core/pack/runner.ts";
import { load, sourceOf } from "./load.ts";
import { Output, redirect } from "./output.ts";

/** What the launcher gives to a process, as its first message. */
export interface ProcessInput {
  identity: PackIdentity;
  file: string;
}

/** What the launcher gives to a thread. */
export interface WorkerInput extends ProcessInput {
  inFlight: Int32Array;
}

/** The way to the agent. */
interface Port {
  post(message: WorkerMessage): void;
  /** A listener keeps the worker alive for as long as the pod is to run, even if the pack has nothing to wait for. */
  listen(listener: (value: unknown) => void): void;
}

function inThread(port: MessagePort): void {
  const post = port.postMessage.bind(port); // a pack may have the port's methods patched
  run(workerData as WorkerInput, { post, listen: (listener) => port.on("message", listener) });
}

function inProcess(send: NonNullable<typeof process.send>): void {
  const inFlight = new Int32Array(1);
  const post = (message: WorkerMessage) => {
    const taken = message.type === "output" ? message.text.length : 0;
    send.call(process, message, () => void Atomics.sub(inFlight, 0, taken));
  };
  process.once("message", (input: ProcessInput) =>
    run({ ...input, inFlight }, { post, listen: (listener) => process.on("message", listener) }),
  );
}

function run({ identity, file, inFlight }: WorkerInput, port: Port): void {
  const { post } = port;
  const stdout = new Output("stdout", inFlight, post);
  const stderr = new Output("stderr", inFlight, post);
  redirect(process.stdout, stdout);
  redirect(process.stderr, stderr);

  const controller = new AbortController();
  setMaxListeners(0, controller.signal);
  const runner = new PackRunner(
    {
      load: () => load(file),
      post(message: WorkerMessage) {
        stdout.flush();
        stderr.flush();
        post(message);
      },
      signal: controller.signal,
      abort: (reason) => controller.abort(new DOMException(`the pod is to stop: ${reason}`, "AbortError")),
      fetch: globalThis.fetch,
      log: logTo(stdout, stderr),
      bundle: sourceOf(file),
    },
    identity,
  );
  port.listen((value) => {
    const command = parseWorkerCommand(value);
    if (command) runner.command(command);
  });
  // An error that nobody catches ends the pod; a pack that catches them itself goes on.
  process.on("uncaughtException", (error) => {
    if (process.listenerCount("uncaughtException") === 1) runner.uncaught(error);
  });
  void runner.run();
}

function logTo(stdout: Output, stderr: Output): PackLog {
  const to =
    (output: Output) =>
    (...args: unknown[]) =>
      output.write(`${format(...args)}\n`);
  return { debug: to(stdout), info: to(stdout), warn: to(stderr), error: to(stderr) };
}

if (parentPort) inThread(parentPort);
else if (process.send) inProcess(process.send);
