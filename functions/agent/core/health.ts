/** Liveness: asks a pack that has `health()` how it is, and gives it up when it is unwell, or silent, several times in a row. */
import type { Clock, Timer } from "./ports.ts";

export const HEALTH_INTERVAL_MS = 10_000;
/** So many times in a row. */
export const HEALTH_STRIKES = 3;

export class HealthCheck {
  readonly #clock: Clock;
  readonly #ask: () => void;
  readonly #giveUp: (why: string) => void;
  #timer: Timer | undefined;
  #strikes = 0;
  #waits = false;

  /** `ask` sends the question; the answer goes to `answered`. `giveUp` is called at most once. */
  constructor(clock: Clock, ask: () => void, giveUp: (why: string) => void) {
    this.#clock = clock;
    this.#ask = ask;
    this.#giveUp = giveUp;
  }

  start(): void {
    this.#timer ??= this.#clock.timer(HEALTH_INTERVAL_MS, () => this.#round());
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  answered(problem: string | undefined): void {
    this.#waits = false;
    if (problem === undefined) this.#strikes = 0;
    else this.#strike(problem);
  }

  #round(): void {
    this.#timer = undefined;
    if (this.#waits) this.#strike(`health() did not answer within ${HEALTH_INTERVAL_MS / 1000} s`);
    if (this.#strikes >= HEALTH_STRIKES) return;
    this.#waits = true;
    this.start();
    this.#ask();
  }

  #strike(why: string): void {
    if (++this.#strikes !== HEALTH_STRIKES) return;
    this.stop();
    this.#giveUp(`${HEALTH_STRIKES} times in a row: ${why}`);
  }
}
