/** A thread's stdout and stderr as what the core takes: bytes become text, and what is on its way is counted in shared memory. */
import { StringDecoder } from "node:string_decoder";
import { TextOutput, type InFlight, type Post, type Stream } from "../../core/pack/output.ts";

export { MAX_IN_FLIGHT } from "../../core/pack/output.ts";

export class Output {
  readonly #decoder = new StringDecoder("utf8");
  readonly #text: TextOutput;

  /** `inFlight` is shared with the agent, which takes off what it has taken. */
  constructor(stream: Stream, inFlight: Int32Array, post: Post) {
    this.#text = new TextOutput(stream, sharedCount(inFlight), post);
  }

  write(chunk: Uint8Array | string): void {
    this.#text.write(
      typeof chunk === "string" ? chunk : this.#decoder.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)),
    );
  }

  flush(): void {
    this.#text.flush();
  }
}

function sharedCount(cell: Int32Array): InFlight {
  return { count: () => Atomics.load(cell, 0), add: (characters) => void Atomics.add(cell, 0, characters) };
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
