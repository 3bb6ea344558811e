/** Full-jitter exponential backoff (Marc Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015). */
import { unlessCancelled, type Cancel } from "./cancel.ts";
import type { Clock, Random } from "./ports.ts";

export interface BackoffRange {
  /** The first delay is at most this long. */
  minMs: number;
  /** Every later one is at most twice the one before, and at most this long. */
  maxMs: number;
}

/** Counts the attempts of one thing and says how long to wait before the next. */
export class Backoff {
  readonly #random: Random;
  readonly #range: BackoffRange;
  #attempts = 0;

  constructor(random: Random, range: BackoffRange) {
    this.#random = random;
    this.#range = range;
  }

  /** Milliseconds to wait before the next attempt: uniform between 0 and a ceiling that doubles with each call. */
  next(): number {
    const ceiling = Math.min(this.#range.maxMs, this.#range.minMs * 2 ** Math.min(this.#attempts, 30));
    this.#attempts++;
    return Math.round(this.#random.next() * ceiling);
  }

  /** Makes the ceiling of the next delay at least `ms`; for a crowd that is sent away at one moment. */
  spread(ms: number): void {
    while (this.#range.minMs * 2 ** this.#attempts < Math.min(ms, this.#range.maxMs)) this.#attempts++;
  }

  reset(): void {
    this.#attempts = 0;
  }
}

/** Resolves after `ms`; rejects with Cancelled when cancelled before. */
export async function sleep(clock: Clock, ms: number, cancel?: Cancel): Promise<void> {
  let stop = () => {};
  const slept = new Promise<void>((resolve) => {
    const timer = clock.timer(ms, resolve);
    stop = () => timer.cancel();
  });
  try {
    await (cancel ? unlessCancelled(cancel, slept) : slept);
  } finally {
    stop();
  }
}
