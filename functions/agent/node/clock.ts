/** Node's time and chance. */
import { performance } from "node:perf_hooks";
import type { Clock, Random } from "../core/ports.ts";

/** The longest a Node.js timer can wait; beyond it, it would fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

export const nodeClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  timer(ms, fire) {
    const timer = setTimeout(fire, Math.min(Math.max(0, ms), MAX_TIMER_MS));
    return { cancel: () => clearTimeout(timer) };
  },
};

export const nodeRandom: Random = { next: () => Math.random() };
