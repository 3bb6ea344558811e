/** Workers that do what a test says. */
import assert from "node:assert/strict";
import type { WorkerCommand, WorkerMessage } from "../../core/pack/messages.ts";
import type { WorkerEvents, WorkerExit, WorkerHandle, WorkerLauncher, WorkerSpec } from "../../core/ports.ts";
import { settle } from "./fakes.ts";

export class FakeWorker implements WorkerHandle {
  readonly spec: WorkerSpec;
  readonly commands: WorkerCommand[] = [];
  terminated = false;
  gone = false;
  readonly #events: WorkerEvents;

  constructor(spec: WorkerSpec, events: WorkerEvents) {
    this.spec = spec;
    this.#events = events;
  }

  send(command: WorkerCommand): void {
    this.commands.push(command);
  }

  terminate(): void {
    this.terminated = true;
  }

  async post(message: WorkerMessage): Promise<void> {
    this.#events.message(message);
    await settle();
  }

  async print(text: string, at: number): Promise<void> {
    await this.post({ type: "output", stream: "stdout", text, at });
  }

  async exit(exit: WorkerExit = { kind: "exit", code: 1 }): Promise<void> {
    assert.equal(this.gone, false, "a worker exits once");
    this.gone = true;
    this.#events.exit(exit);
    await settle();
  }
}

export class FakeWorkers implements WorkerLauncher {
  readonly started: FakeWorker[] = [];
  /** What the next launches wait for. */
  hold: Promise<void> = Promise.resolve();
  /** Why the next launches fail. */
  failure: Error | undefined;

  async launch(spec: WorkerSpec, events: WorkerEvents): Promise<WorkerHandle> {
    await this.hold;
    if (this.failure) throw this.failure;
    const worker = new FakeWorker(spec, events);
    this.started.push(worker);
    return worker;
  }

  get last(): FakeWorker {
    const worker = this.started.at(-1);
    assert.ok(worker, "no worker was started");
    return worker;
  }

  /** Workers that run at this moment. */
  get alive(): FakeWorker[] {
    return this.started.filter(({ gone }) => !gone);
  }
}
