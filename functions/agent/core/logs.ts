/**
 * Log lines on their way to the server. Bounded, per pod and in all: when there is no room the oldest lines go first,
 * and how many went is said in the next frame. What was handed out is gone: logs are not acknowledged.
 */
import { MAX_LOG_LINES, type AgentPayload, type LogLine } from "./protocol.ts";
import { utf8Length } from "./text.ts";

export type LogBatch = AgentPayload<"pod:logs">;

export interface LogLimits {
  linesPerPod: number;
  bytesPerPod: number;
  bytesInAll: number;
}

export const LOG_LIMITS: LogLimits = { linesPerPod: 10_000, bytesPerPod: 1 << 20, bytesInAll: 16 << 20 };

/** What a line weighs beside its text. */
const LINE_OVERHEAD = 64;
/** A frame's worth of text: JSON can make six bytes of one, and the frame must stay below 1 MiB. */
const BATCH_BYTES = 128 * 1024;

interface Queued {
  line: LogLine;
  bytes: number;
}

interface Queue {
  podId: string;
  incarnation: number;
  lines: Queued[];
  /** Index of the oldest line in `lines`; what lies before it is gone. */
  head: number;
  bytes: number;
  dropped: number;
}

export class LogBuffer {
  readonly #limits: LogLimits;
  readonly #queues = new Map<string, Queue>();
  #bytes = 0;

  constructor(limits: LogLimits = LOG_LIMITS) {
    this.#limits = limits;
  }

  add(podId: string, incarnation: number, line: LogLine): void {
    const queue = this.#queue(podId, incarnation);
    const bytes = utf8Length(line.text) + LINE_OVERHEAD;
    queue.lines.push({ line, bytes });
    queue.bytes += bytes;
    this.#bytes += bytes;
    while (queue.lines.length - queue.head > this.#limits.linesPerPod || queue.bytes > this.#limits.bytesPerPod) this.#dropOldest(queue);
    while (this.#bytes > this.#limits.bytesInAll) this.#dropOldest(this.#largest());
  }

  /** Lines were lost before they came here. */
  addDropped(podId: string, incarnation: number, count: number): void {
    const queue = this.#queue(podId, incarnation);
    queue.dropped = Math.min(queue.dropped + count, Number.MAX_SAFE_INTEGER);
  }

  /** Forgets all of one pod's incarnation. */
  discard(podId: string, incarnation: number): void {
    const key = keyOf(podId, incarnation);
    const queue = this.#queues.get(key);
    if (!queue) return;
    this.#bytes -= queue.bytes;
    this.#queues.delete(key);
  }

  get empty(): boolean {
    return this.#queues.size === 0;
  }

  /** Takes a batch out: of the given pod, or of the one whose turn it is. Undefined if there is nothing. */
  take(podId?: string, incarnation?: number): LogBatch | undefined {
    const queue =
      podId === undefined || incarnation === undefined ? this.#queues.values().next().value : this.#queues.get(keyOf(podId, incarnation));
    if (!queue) return undefined;
    const lines: LogLine[] = [];
    let bytes = 0;
    for (let next = queue.lines[queue.head]; next; next = queue.lines[queue.head]) {
      if (lines.length >= MAX_LOG_LINES || (lines.length > 0 && bytes + next.bytes > BATCH_BYTES)) break;
      lines.push(next.line);
      bytes += next.bytes;
      queue.head++;
    }
    const batch: LogBatch = { podId: queue.podId, incarnation: queue.incarnation, lines };
    if (queue.dropped > 0) batch.dropped = queue.dropped;
    queue.dropped = 0;
    queue.bytes -= bytes;
    this.#bytes -= bytes;
    const key = keyOf(queue.podId, queue.incarnation);
    this.#queues.delete(key);
    if (queue.head < queue.lines.length) {
      compact(queue);
      this.#queues.set(key, queue); // to the end: the others come first
    }
    return batch;
  }

  #queue(podId: string, incarnation: number): Queue {
    const key = keyOf(podId, incarnation);
    let queue = this.#queues.get(key);
    if (!queue) {
      queue = { podId, incarnation, lines: [], head: 0, bytes: 0, dropped: 0 };
      this.#queues.set(key, queue);
    }
    return queue;
  }

  #dropOldest(queue: Queue): void {
    const oldest = queue.lines[queue.head];
    if (!oldest) return;
    queue.head++;
    queue.bytes -= oldest.bytes;
    queue.dropped++;
    this.#bytes -= oldest.bytes;
    compact(queue);
  }

  #largest(): Queue {
    let largest: Queue | undefined;
    for (const queue of this.#queues.values()) {
      if (!largest || queue.bytes > largest.bytes) largest = queue;
    }
    if (!largest) throw new Error("the log buffer has bytes but no lines");
    return largest;
  }
}

/** Lets go of taken lines now and then, so that taking one costs no copy of the rest. */
function compact(queue: Queue): void {
  if (queue.head < 1024 || queue.head * 2 < queue.lines.length) return;
  queue.lines = queue.lines.slice(queue.head);
  queue.head = 0;
}

function keyOf(podId: string, incarnation: number): string {
  return `${podId}/${incarnation}`;
}
