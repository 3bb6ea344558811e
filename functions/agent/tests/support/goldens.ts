/** The frames under tests/contract/frames, which the Go suite reads too. */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../../../../tests/contract/frames/", import.meta.url));

export interface Golden {
  name: string;
  text: string;
}

/** All of one directory, e.g. "agent" or "server/invalid". */
export function goldens(dir: string): Golden[] {
  return readdirSync(`${ROOT}${dir}`)
    .filter((file) => file.endsWith(".json"))
    .map((file) => ({ name: file.slice(0, -".json".length), text: readFileSync(`${ROOT}${dir}/${file}`, "utf8") }));
}

/** One of them, parsed, e.g. "server/pod-assign". */
export function golden(name: string): { type: string; payload: Record<string, unknown>; timestamp: string; correlationId?: string } {
  return JSON.parse(readFileSync(`${ROOT}${name}.json`, "utf8")) as ReturnType<typeof golden>;
}
