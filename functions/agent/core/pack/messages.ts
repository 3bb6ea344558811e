/** What a pod's worker and its agent say to each other. Everything is plain data. */
import { isObject } from "../schema.ts";

/** From the worker. A pack shares its worker's realm and could forge these: the core checks them, and they concern that pod only. */
export type WorkerMessage =
  /** Text that the pack wrote, as it came: lines are cut on the other side. `dropped` counts lines that were thrown away before it. */
  | { type: "output"; stream: "stdout" | "stderr"; text: string; at: number; dropped?: number }
  /** The bundle is loaded and its entry is being called. `health`: the pack can be asked how it is. */
  | { type: "running"; health?: boolean }
  /** The pack came to its end, or has stopped when told to. */
  | { type: "done"; result?: string; message?: string }
  /** It could not be loaded, or its promise was rejected. */
  | { type: "failed"; reason: "import_error" | "crashed"; message: string }
  /** How far it is, from 0 to 1, in its own opinion. */
  | { type: "progress"; fraction?: number; text?: string }
  /** The answer to `health`; `problem` says what is wrong. */
  | { type: "health"; problem?: string }
  /** A request to the pack's storage; the answer carries its id. */
  | { type: "storage"; id: number; request: StorageRequest };

export type StorageRequest =
  { op: "get"; key: string } | { op: "set"; key: string; json: string } | { op: "delete"; key: string } | { op: "list"; prefix: string };

/** What a storage request comes to: JSON for `get` (undefined: there is none), whether there was one for `delete`, keys for `list`. */
export type StorageAnswer = { json?: string; existed?: boolean; keys?: string[]; error?: string };

/** To the worker. */
export type WorkerCommand = { type: "stop"; reason: string } | { type: "health" } | { type: "storage"; id: number; answer: StorageAnswer };

/** Reads a message of a worker; undefined if it is none. */
export function parseWorkerMessage(value: unknown): WorkerMessage | undefined {
  if (!isObject(value)) return undefined;
  const { type, stream, text, at, dropped, result, message, reason, health, fraction, problem, id, request } = value;
  switch (type) {
    case "output":
      if ((stream !== "stdout" && stream !== "stderr") || typeof text !== "string" || !isTime(at)) return undefined;
      return isCount(dropped) ? { type, stream, text, at, dropped } : { type, stream, text, at };
    case "running":
      return health === true ? { type, health } : { type };
    case "done":
      return {
        type,
        ...(typeof result === "string" ? { result } : {}),
        ...(typeof message === "string" ? { message } : {}),
      };
    case "failed":
      if ((reason !== "import_error" && reason !== "crashed") || typeof message !== "string") return undefined;
      return { type, reason, message };
    case "progress":
      return {
        type,
        ...(typeof fraction === "number" && fraction >= 0 && fraction <= 1 ? { fraction } : {}),
        ...(typeof text === "string" ? { text } : {}),
      };
    case "health":
      return typeof problem === "string" ? { type, problem } : { type };
    case "storage": {
      const asked = parseStorageRequest(request);
      return asked && isCount(id) ? { type, id, request: asked } : undefined;
    }
    default:
      return undefined;
  }
}

function parseStorageRequest(value: unknown): StorageRequest | undefined {
  if (!isObject(value)) return undefined;
  const { op, key, json, prefix } = value;
  if (op === "list") return typeof prefix === "string" ? { op, prefix } : undefined;
  if (typeof key !== "string") return undefined;
  if (op === "get" || op === "delete") return { op, key };
  return op === "set" && typeof json === "string" ? { op, key, json } : undefined;
}

/** Reads a command to a worker; undefined if it is none. */
export function parseWorkerCommand(value: unknown): WorkerCommand | undefined {
  if (!isObject(value)) return undefined;
  const { type, reason, id, answer } = value;
  if (type === "stop" && typeof reason === "string") return { type, reason };
  if (type === "health") return { type };
  if (type === "storage" && typeof id === "number" && isObject(answer)) return { type, id, answer: answer as StorageAnswer };
  return undefined;
}

// From 1970 to the year 9999: RFC 3339 has four digits for it.
function isTime(value: unknown): value is number {
  return typeof value === "number" && value >= 0 && value < 253_402_300_800_000;
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value > 0;
}
