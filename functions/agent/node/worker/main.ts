/** What runs in a pod's worker thread: the core's runner, on Node.js. */
import { setMaxListeners } from "node:events";
import { format } from "node:util";
import { parentPort, workerData } from "node:worker_threads";
import type { PackIdentity, PackLog } from "../../core/pack/contract.ts";
import { parseWorkerCommand, type WorkerMessage } from "../../core/pack/messages.ts";
import { PackRunner } from "../../core/pack/runner.ts";
import { load, sourceOf } from "./load.ts";
import { Output, redirect } from "./output.ts";

/** What the launcher gives to a worker. */
export interface WorkerInput {
  identity: PackIdentity;
  file: string;
  inFlight: Int32Array;
}

function main(): void {
  const port = parentPort;
  if (!port) throw new Error("this runs in a worker thread");
  const { identity, file, inFlight } = workerData as WorkerInput;
  const post = port.postMessage.bind(port); // a pack may have the port's methods patched
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
  // The listener keeps the thread alive for as long as the pod is to run, even if the pack has nothing to wait for.
  port.on("message", (value: unknown) => {
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

main();
