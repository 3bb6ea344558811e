/**
 * What a pack writes to stdout and stderr, on its way to the agent. Posted as it is written, so that a pack that never yields is heard
 * too and the last words of one that dies are not lost. Bounded by what the agent has not taken yet: beyond that, lines are dropped and counted.
 */
import { StringDecoder } from "node:string_decoder";
import type { WorkerMessage } from "../../core/pack/messages.ts";

type Stream = "stdout" | "stderr";
type Post = (message: WorkerMessage) => void;

/** So many characters may be on their way. */
export const MAX_IN_FLIGHT = 4 << 20;

export class Output {
  readonly #stream: Stream;
  readonly #post: Post;
  /** Characters on their way: added here, taken off by the agent. */
  readonly #inFlight: Int32Array;
  readonly #decoder = new StringDecoder("utf8");
  #dropped = 0;
  /** The last text that was let through ended within a line. */
  #open = false;

  constructor(stream: Stream, inFlight: Int32Array, post: Post) {
    this.#stream = stream;
    this.#inFlight = inFlight;
    this.#post = post;
  }

  write(chunk: Uint8Array | string): void {
    const text = typeof chunk === "string" ? chunk : this.#decoder.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength));
    const room = Math.max(0, MAX_IN_FLIGHT - Atomics.load(this.#inFlight, 0));
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
    Atomics.add(this.#inFlight, 0, message.text.length);
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

/** Makes everything that is written to `stream` go to `output`; `console` follows, since it writes there. */
export function redirect(stream: NodeJS.WriteStream, output: Output): void {
  const write = (chunk: unknown, encoding?: unknown, callback?: unknown): boolean => {
    if (typeof chunk !== "string" && !(chunk instanceof Uint8Array))
      throw new TypeError("a chunk must be a string, a Buffer or a Uint8Array");
    output.write(typeof chunk === "string" && isByteEncoding(encoding) ? Buffer.from(chunk, encoding) : chunk);
    const done = typeof encoding === "function" ? encoding : callback;
    if (typeof done === "function") process.nextTick(done);
    return true;
  };
  stream.write = write as typeof stream.write;
}

function isByteEncoding(encoding: unknown): encoding is "hex" | "base64" | "base64url" {
  return encoding === "hex" || encoding === "base64" || encoding === "base64url";
}
