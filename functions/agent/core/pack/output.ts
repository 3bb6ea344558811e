/**
 * What a pack writes to stdout and stderr, on its way to the agent. Posted as it is written, so that a pack that never yields is heard
 * too and the last words of one that dies are not lost. Bounded by what the agent has not taken yet: beyond that, lines are dropped
 * and counted.
 */
import type { WorkerMessage } from "./messages.ts";

export type Stream = "stdout" | "stderr";
export type Post = (message: WorkerMessage) => void;

/** So many characters may be on their way. */
export const MAX_IN_FLIGHT = 4 << 20;

/** Characters on their way: added here, taken off when the agent has taken them. How it learns of that is its platform's. */
export interface InFlight {
  count(): number;
  add(characters: number): void;
}

export class TextOutput {
  readonly #stream: Stream;
  readonly #inFlight: InFlight;
  readonly #post: Post;
  #dropped = 0;
  /** The last text that was let through ended within a line. */
  #open = false;

  constructor(stream: Stream, inFlight: InFlight, post: Post) {
    this.#stream = stream;
    this.#inFlight = inFlight;
    this.#post = post;
  }

  write(text: string): void {
    const room = Math.max(0, MAX_IN_FLIGHT - this.#inFlight.count());
    const kept = text.length > room ? text.slice(0, text.lastIndexOf("\n", room - 1) + 1) : text;
    if (kept !== "") this.#send(kept);
    this.#dropped += linesOf(text.slice(kept.length));
  }

  /** Says how much was dropped, even if nothing follows it. */
  flush(): void {
    if (this.#dropped > 0) this.#send("");
  }

  #send(text: string): void {
    const message: WorkerMessage = { type: "output", stream: this.#stream, text, at: Date.now() };
    if (this.#dropped > 0) {
      message.dropped = this.#dropped;
      if (this.#open) message.text = `\n${text}`; // what was dropped began in the middle of a line
    }
    this.#dropped = 0;
    this.#open = text === "" ? false : !text.endsWith("\n");
    this.#inFlight.add(message.text.length);
    this.#post(message);
  }
}

/** How many lines a text is, a last one without an end included. */
function linesOf(text: string): number {
  if (text === "") return 0;
  let lines = text.endsWith("\n") ? 0 : 1;
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) lines++;
  return lines;
}
