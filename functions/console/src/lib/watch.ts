/** GET /api/watch: server-sent events, read with fetch because EventSource cannot send an Authorization header. */

export interface Frame { event: string; id: string; data: string }

export interface Change { kind: string; type: "upsert" | "delete"; object?: { id: string | number; revision?: number }; id?: string }

export interface Following {
  /** Opens the stream at a cursor; "" begins now. Rejects when the server refuses. */
  open(cursor: string, signal: AbortSignal): Promise<ReadableStream<Uint8Array>>;
  /** Lists everything anew. */
  list(): Promise<void>;
  apply(change: Change): void;
  live(is: boolean): void;
  /** Resolves after a time in ms; rejects when signal is aborted. */
  wait(ms: number, signal: AbortSignal): Promise<void>;
  random(): number;
  signal: AbortSignal;
}

const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 15_000;

/** Cuts a text that comes in pieces into frames. */
export class FrameReader {
  #rest = "";

  push(text: string): Frame[] {
    const blocks = (this.#rest + text).split("\n\n");
    this.#rest = blocks.pop() ?? "";
    return blocks.map((block) => {
      const frame: Frame = { event: "", id: "", data: "" };
      for (const line of block.split("\n")) {
        const [, field, value = ""] = /^(event|id|data): ?(.*)$/.exec(line) ?? [];
        if (field) frame[field as keyof Frame] = value;
      }
      return frame;
    });
  }
}

/** Lists, then applies what changes, for ever; a lost stream is opened again where it was. Returns when signal is aborted. */
export async function follow(f: Following): Promise<void> {
  let cursor = "";
  let failures = 0;
  while (!f.signal.aborted) {
    try {
      const stream = await f.open(cursor, f.signal);
      let listed = cursor !== "";
      for await (const frame of frames(stream)) {
        if (frame.event === "bye") break;
        if (frame.event === "resync" || (frame.event === "ready" && !listed)) {
          await f.list();
          listed = true;
        }
        if (frame.event === "ready" || frame.event === "resync") {
          failures = 0;
          f.live(true);
        }
        if (frame.event === "change") f.apply(JSON.parse(frame.data) as Change);
        if (frame.id) cursor = frame.id;
      }
    } catch (error) {
      if (f.signal.aborted) return;
      console.info("watch: the stream is lost and will be opened again:", String(error));
    }
    f.live(false);
    const longest = Math.min(FIRST_PAUSE * 2 ** failures++, LONGEST_PAUSE);
    await f.wait(longest * (0.5 + f.random() / 2), f.signal).catch(() => undefined); // the loop looks at the signal
  }
}

async function* frames(stream: ReadableStream<Uint8Array>): AsyncGenerator<Frame> {
  const reader = stream.getReader();
  const decoder = new TextDecoder();
  const frames = new FrameReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield* frames.push(decoder.decode(value, { stream: true }));
    }
  } finally {
    await reader.cancel().catch(() => undefined); // it may be broken already
  }
}

/** Takes a change into a collection. What is known already in a newer revision stays. */
export function merge<T extends { id: string | number; revision?: number }>(into: Map<string, T>, change: Change): void {
  if (change.type === "delete") {
    into.delete(String(change.id));
    return;
  }
  const object = change.object as T;
  const known = into.get(String(object.id));
  if (known && (known.revision ?? 0) > (object.revision ?? 0)) return;
  into.set(String(object.id), object);
}
