/** Cuts what a pack writes into lines, in bounded memory however long a line is. */
import { MAX_LOG_LINE_BYTES } from "./protocol.ts";
import { headUtf8, storable, utf8Length } from "./text.ts";

const ELLIPSIS = "…";

/** The lines of one stream. */
export class LineSplitter {
  readonly #emit: (text: string, at: number) => void;
  #held = "";
  /** The held line is longer than what is held of it. */
  #cut = false;
  #at = 0;

  /** `emit` gets every line without its end, and when its last piece was written. */
  constructor(emit: (text: string, at: number) => void) {
    this.#emit = emit;
  }

  write(text: string, at: number): void {
    this.#at = at;
    let from = 0;
    for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n", from)) {
      this.#hold(text.slice(from, end));
      this.#flushLine();
      from = end + 1;
    }
    this.#hold(text.slice(from));
  }

  /** The end of the stream: a line without an end is one all the same. */
  end(): void {
    if (this.#held !== "" || this.#cut) this.#flushLine();
  }

  #hold(piece: string): void {
    const room = MAX_LOG_LINE_BYTES + 1 - this.#held.length; // a character has a byte at least
    if (piece.length > room) this.#cut = true;
    this.#held += piece.length > room ? piece.slice(0, room) : piece;
  }

  #flushLine(): void {
    let line = this.#held.endsWith("\r") && !this.#cut ? this.#held.slice(0, -1) : this.#held;
    line = storable(line);
    if (this.#cut || (line.length * 3 > MAX_LOG_LINE_BYTES && utf8Length(line) > MAX_LOG_LINE_BYTES)) {
      line = headUtf8(line, MAX_LOG_LINE_BYTES - utf8Length(ELLIPSIS)) + ELLIPSIS;
    }
    this.#held = "";
    this.#cut = false;
    this.#emit(line, this.#at);
  }
}
