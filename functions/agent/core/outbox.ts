/** Statuses that the server has not acknowledged. Unbounded on purpose: none may be lost, and a pod has five at most. */
import { isTerminal, type HeldPod, type StatusAck, type StatusReport } from "./protocol.ts";

interface Entry {
  report: StatusReport;
  /** Monotonic time of the last sending on this connection; undefined if it was not sent on it. */
  sentAt: number | undefined;
}

/** Keeps reports in order until they are acknowledged. */
export class StatusOutbox {
  readonly #entries = new Map<string, Entry>(); // in order of insertion

  /** Adds a report. The same status of the same incarnation again changes nothing. */
  add(report: StatusReport): void {
    const key = keyOf(report);
    if (!this.#entries.has(key)) this.#entries.set(key, { report, sentAt: undefined });
  }

  /** Takes what was acknowledged out, accepted or not: both are final. Undefined if it was not here. */
  acknowledge(ack: StatusAck): StatusReport | undefined {
    const key = keyOf(ack);
    const entry = this.#entries.get(key);
    this.#entries.delete(key);
    return entry?.report;
  }

  /** The highest incarnation of a pod whose last status is pending; 0 if there is none. */
  settled(podId: string): number {
    let highest = 0;
    for (const { report } of this.#entries.values()) {
      if (report.podId === podId && isTerminal(report.status)) highest = Math.max(highest, report.incarnation);
    }
    return highest;
  }

  /** Forgets what is pending of incarnations of a pod below `incarnation`: the server would refuse it. */
  dropBelow(podId: string, incarnation: number): void {
    for (const [key, { report }] of this.#entries) {
      if (report.podId === podId && report.incarnation < incarnation) this.#entries.delete(key);
    }
  }

  /** A new connection: everything is to be sent again. */
  rewind(): void {
    for (const entry of this.#entries.values()) entry.sentAt = undefined;
  }

  /**
   * Sends what was not sent on this connection, and what was sent `resendMs` ago or longer without an answer.
   * `send` says whether it did; after a refusal the rest stays for later.
   */
  flush(now: number, resendMs: number, send: (report: StatusReport) => boolean): void {
    for (const entry of this.#entries.values()) {
      if (entry.sentAt !== undefined && now - entry.sentAt < resendMs) continue;
      if (!send(entry.report)) return;
      entry.sentAt = now;
    }
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Pods whose last status is pending. */
  terminal(): HeldPod[] {
    const held: HeldPod[] = [];
    for (const { report } of this.#entries.values()) {
      if (isTerminal(report.status)) held.push({ podId: report.podId, incarnation: report.incarnation, status: report.status });
    }
    return held;
  }
}

function keyOf({ podId, incarnation, status }: { podId: string; incarnation: number; status: string }): string {
  return `${podId}/${incarnation}/${status}`;
}
