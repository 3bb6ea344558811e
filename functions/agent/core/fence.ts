/**
 * The moment from which this node may have been given up without knowing it. The server gives a node up when its lease ran out, and the lease
 * runs from when the server heard a beat. That was after the beat was sent: so whoever counts from the sending of the last beat that was
 * answered, by any clock, is never late.
 */
import type { Clock, Timer } from "./ports.ts";

/** A moment, by both clocks: one of them stands still while a machine sleeps, the other one jumps. */
export interface Moment {
  monotonic: number;
  wall: number;
}

export const momentOf = (clock: Clock): Moment => ({ monotonic: clock.monotonic(), wall: clock.now() });

/** A third of the lease is kept for what is not seen from here: the server writes leases in batches, and one such write may fail. */
const MARGIN = 1 / 3;
/** Another sixth at most is what a pod's grace period may take. */
const GRACE = 1 / 6;
/** How often a lease is looked at, in parts of it: timers stand still while a machine sleeps, and must not be late by much when it wakes. */
const LOOKS = 12;

export class Fence {
  readonly #clock: Clock;
  readonly #due: (graceMs: number) => void;
  #leaseMs: number | undefined;
  #since: Moment = { monotonic: 0, wall: 0 };
  #timer: Timer | undefined;

  /** `due` is called, again and again while that lasts, when pods that must not run twice have to end, and within which time. */
  constructor(clock: Clock, due: (graceMs: number) => void) {
    this.#clock = clock;
    this.#due = due;
  }

  /** The server has extended the lease for a beat that was sent at `since`. */
  extended(since: Moment, leaseMs: number): void {
    this.#since = since;
    this.#leaseMs = leaseMs;
    this.#timer?.cancel();
    this.#plan(leaseMs);
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #plan(leaseMs: number): void {
    this.#timer = this.#clock.timer(leaseMs / LOOKS, () => {
      this.#look(leaseMs);
      if (this.#leaseMs === leaseMs && this.#timer) this.#plan(leaseMs);
    });
  }

  #look(leaseMs: number): void {
    const now = momentOf(this.#clock);
    const passed = Math.max(now.monotonic - this.#since.monotonic, now.wall - this.#since.wall);
    const left = leaseMs * (1 - MARGIN) - passed;
    if (left <= leaseMs * GRACE) this.#due(Math.max(0, left));
  }
}
