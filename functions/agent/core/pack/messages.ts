/** What a pod's worker and its agent say to each other. Everything is plain data. */
import { isObject } from "../schema.ts";

/** From the worker. A pack shares its worker's realm and could forge these: the core checks them, and they concern that pod only. */
export type WorkerMessage =
  /** Text that the pack wrote, as it came: lines are cut on the other side. `dropped` counts lines that were thrown away before it. */
  | { type: "output"; stream: "stdout" | "stderr"; text: string; at: number; dropped?: number }
  /** The bundle is loaded and its entry is being called. */
  | { type: "running" }
  /** The pack came to its end, or has stopped when told to. */
  | { type: "done"; result?: string; message?: string }
  /** It could not be loaded, or its promise was rejected. */
  | { type: "failed"; reason: "import_error" | "crashed"; message: string };

/** To the worker. */
export type WorkerCommand = { type: "stop"; reason: string };

/** Reads a message of a worker; undefined if it is none. */
export function parseWorkerMessage(value: unknown): WorkerMessage | undefined {
  if (!isObject(value)) return undefined;
  const { type, stream, text, at, dropped, result, message, reason } = value;
  switch (type) {
    case "output":
      if ((stream !== "stdout" && stream !== "stderr") || typeof text !== "string" || !isTime(at)) return undefined;
      return isCount(dropped) ? { type, stream, text, at, dropped } : { type, stream, text, at };
    case "running":
      return { type };
    case "done":
      return {
        type,
        ...(typeof result === "string" ? { result } : {}),
        ...(typeof message === "string" ? { message } : {}),
      };
    case "failed":
      if ((reason !== "import_error" && reason !== "crashed") || typeof message !== "string") return undefined;
      return { type, reason, message };
    default:
      return undefined;
  }
}

/** Reads a command to a worker; undefined if it is none. */
export function parseWorkerCommand(value: unknown): WorkerCommand | undefined {
  if (!isObject(value) || value["type"] !== "stop" || typeof value["reason"] !== "string") return undefined;
  return { type: "stop", reason: value["reason"] };
}

// From 1970 to the year 9999: RFC 3339 has four digits for it.
function isTime(value: unknown): value is number {
  return typeof value === "number" && value >= 0 && value < 253_402_300_800_000;
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value > 0;
}
