/** `context.storage`, inside the worker: every call is a question to the agent, which keeps the values. */
import type { PackStorage } from "./contract.ts";
import type { StorageAnswer, StorageRequest, WorkerMessage } from "./messages.ts";

export class StorageClient {
  readonly #post: (message: WorkerMessage) => void;
  readonly #waiting = new Map<number, { resolve: (answer: StorageAnswer) => void; reject: (error: Error) => void }>();
  #asked = 0;

  constructor(post: (message: WorkerMessage) => void) {
    this.#post = post;
  }

  /** What the pack is given. */
  readonly face: PackStorage = {
    get: async (key) => {
      const { json } = await this.#ask({ op: "get", key: keyOf(key) });
      return json === undefined ? undefined : (JSON.parse(json) as unknown);
    },
    set: async (key, value) => {
      const json = JSON.stringify(value) as string | undefined;
      if (json === undefined) throw new TypeError("storage keeps JSON: a function, a symbol and undefined are none");
      await this.#ask({ op: "set", key: keyOf(key), json });
    },
    delete: async (key) => (await this.#ask({ op: "delete", key: keyOf(key) })).existed ?? false,
    list: async (prefix = "") => {
      if (typeof prefix !== "string") throw new TypeError("a prefix is a string");
      return (await this.#ask({ op: "list", prefix })).keys ?? [];
    },
  };

  answered(id: number, answer: StorageAnswer): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (answer.error === undefined) waiting?.resolve(answer);
    else waiting?.reject(new Error(answer.error));
  }

  #ask(request: StorageRequest): Promise<StorageAnswer> {
    return new Promise((resolve, reject) => {
      const id = ++this.#asked;
      this.#waiting.set(id, { resolve, reject });
      this.#post({ type: "storage", id, request });
    });
  }
}

function keyOf(key: unknown): string {
  if (typeof key !== "string" || key === "") throw new TypeError("a key is a string that is not empty");
  return key;
}
