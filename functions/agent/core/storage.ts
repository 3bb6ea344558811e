/**
 * What packs keep beyond a run: JSON by key, in a space of its own for each namespace and pack, on this node. The limits are the same in
 * every runtime; where the values are kept is the host's.
 */
import type { StorageAnswer, StorageRequest } from "./pack/messages.ts";
import { messageOf } from "./errors.ts";
import type { KeyValues } from "./ports.ts";
import { utf8Length } from "./text.ts";

/** What one pack may keep in one namespace. */
export const STORAGE_LIMITS = { keyBytes: 120, valueBytes: 256 * 1024, keys: 1_000, totalBytes: 16 << 20 };

/** One namespace's and pack's space. Requests are answered one after the other, in the order in which they came. */
export class PackSpace {
  readonly #store: KeyValues;
  readonly #scope: string;
  #turn: Promise<unknown> = Promise.resolve();
  /** Bytes by key, once they were asked for. */
  #sizes: Map<string, number> | undefined;

  constructor(store: KeyValues, scope: string) {
    this.#store = store;
    this.#scope = scope;
  }

  /** Never rejects: what went wrong is part of the answer. */
  ask(request: StorageRequest): Promise<StorageAnswer> {
    const answer = this.#turn.then(() => this.#answer(request)).catch((error: unknown) => ({ error: `storage: ${messageOf(error)}` }));
    this.#turn = answer;
    return answer;
  }

  async #answer(request: StorageRequest): Promise<StorageAnswer> {
    switch (request.op) {
      case "get": {
        const json = await this.#store.get(this.#scope, request.key);
        return json === undefined ? {} : { json };
      }
      case "set":
        return await this.#set(request.key, request.json);
      case "delete": {
        const sizes = await this.#known();
        if (!sizes.has(request.key)) return { existed: false };
        await this.#store.delete(this.#scope, request.key);
        sizes.delete(request.key);
        return { existed: true };
      }
      case "list":
        return { keys: [...(await this.#known()).keys()].filter((key) => key.startsWith(request.prefix)).sort() };
    }
  }

  async #set(key: string, json: string): Promise<StorageAnswer> {
    const { keyBytes, valueBytes, keys, totalBytes } = STORAGE_LIMITS;
    const [length, bytes] = [utf8Length(key), utf8Length(json)];
    if (length > keyBytes) return { error: `storage: a key has at most ${keyBytes} bytes, this one has ${length}` };
    if (bytes > valueBytes) return { error: `storage: a value has at most ${valueBytes} bytes of JSON, this one has ${bytes}` };
    const sizes = await this.#known();
    if (!sizes.has(key) && sizes.size >= keys) return { error: `storage: a pack keeps at most ${keys} keys in a namespace; delete some` };
    let total = bytes - (sizes.get(key) ?? 0);
    for (const size of sizes.values()) total += size;
    if (total > totalBytes) return { error: `storage: a pack keeps at most ${totalBytes} bytes in a namespace; delete some` };
    await this.#store.set(this.#scope, key, json);
    sizes.set(key, bytes);
    return {};
  }

  async #known(): Promise<Map<string, number>> {
    this.#sizes ??= new Map((await this.#store.entries(this.#scope)).map(({ key, bytes }) => [key, bytes]));
    return this.#sizes;
  }
}

/** The spaces of a node: pods of one pack and namespace share theirs. */
export class Storage {
  readonly #store: KeyValues;
  readonly #spaces = new Map<string, PackSpace>();

  constructor(store: KeyValues) {
    this.#store = store;
  }

  of(namespace: string, pack: string): PackSpace {
    const scope = `${namespace}/${pack}`;
    let space = this.#spaces.get(scope);
    if (!space) {
      space = new PackSpace(this.#store, scope);
      this.#spaces.set(scope, space);
    }
    return space;
  }
}
