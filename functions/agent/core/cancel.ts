/** Cancellation for the core, which has no AbortSignal of its own. A host turns it into whatever its platform has. */

/** Thrown by work that was cancelled. */
export class Cancelled extends Error {
  override readonly name = "Cancelled";
  constructor() {
    super("cancelled");
  }
}

/** The side of the one who works. */
export interface Cancel {
  readonly cancelled: boolean;
  /** Calls `listener` when cancelled, at once if it already is. Returns how to stop listening. */
  onCancel(listener: () => void): () => void;
}

/** The side of the one who may cancel. */
export class CancelSource implements Cancel {
  #cancelled = false;
  readonly #listeners = new Set<() => void>();

  get cancelled(): boolean {
    return this.#cancelled;
  }

  cancel(): void {
    if (this.#cancelled) return;
    this.#cancelled = true;
    for (const listener of this.#listeners) listener();
    this.#listeners.clear();
  }

  onCancel(listener: () => void): () => void {
    if (this.#cancelled) {
      listener();
      return () => {};
    }
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

/** `work`, or a rejection with Cancelled as soon as `cancel` is cancelled. `work` itself goes on. */
export function unlessCancelled<T>(cancel: Cancel, work: Promise<T>): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const stopListening = cancel.onCancel(() => reject(new Cancelled()));
    work.then(resolve, reject).finally(stopListening);
  });
}
