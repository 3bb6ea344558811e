/** A browser's time and chance. In a Worker, since timers of hidden pages slow down to one a minute. */
import type { Clock, Random } from "../../core/ports.ts";

/** The longest a browser's timer can wait; beyond it, it would fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

export const browserClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  timer(ms, fire) {
    const timer = setTimeout(fire, Math.min(Math.max(0, ms), MAX_TIMER_MS));
    return { cancel: () => clearTimeout(timer) };
  },
};

export const browserRandom: Random = { next: () => Math.random() };
