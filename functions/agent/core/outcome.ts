/** What a pod comes to: from how its worker ended, or from what that says itself. */
import { stackOf } from "./errors.ts";
import type { WorkerExit } from "./ports.ts";
import { MAX_MESSAGE_BYTES, type StatusReport } from "./protocol.ts";
import { encodeResult } from "./result.ts";

/** A status and what is said of it. */
export type Outcome = Pick<StatusReport, "status" | "reason" | "message" | "result">;
/** What a pack leaves behind. */
export type Parting = Pick<Outcome, "message" | "result">;

/** Thrown on the way to running. */
export class StartFailure extends Error {
  readonly reason: string;

  constructor(reason: string, message: string) {
    super(message);
    this.reason = reason;
  }
}

/** What a worker's end means when the pack has not said anything; `loading` as long as its entry was not called. */
export function outcomeOf(exit: WorkerExit, loading: boolean): Outcome {
  switch (exit.kind) {
    case "oom":
      return { status: "failed", reason: "oom", message: exit.message };
    case "error":
      return { status: "failed", reason: loading ? "import_error" : "crashed", message: stackOf(exit.error, MAX_MESSAGE_BYTES) };
    case "exit":
      if (loading) return { status: "failed", reason: "import_error", message: `it exited with code ${exit.code} while it was loaded` };
      if (exit.code === 0) return { status: "stopped", reason: "completed", message: "it exited with code 0" };
      return { status: "failed", reason: "crashed", message: `it exited with code ${exit.code}` };
  }
}

/** What a worker says of its end, checked: a pack can forge it, and one frame that the server refuses would cut off all pods. */
export function partingOf(json: string | undefined, message: string | undefined): Parting {
  const result = json === undefined ? {} : encodeResult(parsed(json));
  const said = message ?? result.note;
  return { ...(result.json === undefined ? {} : { result: parsed(result.json) }), ...(said === undefined ? {} : { message: said }) };
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json) as unknown;
  } catch {
    return undefined;
  }
}
