/** What the page and the coordinator's Worker say to each other. Plain data. */
import type { Credentials, Fields } from "../core/ports.ts";
import type { LogLine } from "../core/protocol.ts";
import type { SessionEnd } from "../core/session.ts";
import type { AgentState } from "../core/state.ts";

/** What a coordinator starts with. */
export interface CoordinatorConfig {
  /** The server's socket. */
  url: string;
  name: string;
  labels: Record<string, string>;
  credentials: Credentials;
  /** What the node offers; what is left out is detected. */
  resources: { cpu?: string | undefined; memory?: string | undefined; pods?: number | undefined };
  /** deviceMemory, which workers are not told; GiB. */
  deviceMemory: number | undefined;
}

export type ToCoordinator =
  | { type: "start"; config: CoordinatorConfig }
  /** Stop the pods, say goodbye, end. */
  | { type: "stop"; reason: string; maxGraceMs: number };

export type LogLevel = "debug" | "info" | "warn" | "error";
export type PodLine = { podId: string; line: LogLine };

export type FromCoordinator =
  | { type: "state"; state: AgentState }
  /** Lines of pods, and how many were left out before them. */
  | { type: "lines"; lines: PodLine[]; dropped: number }
  | { type: "log"; level: LogLevel; message: string; fields: Fields }
  /** Tokens have rotated. */
  | { type: "credentials"; credentials: Credentials }
  | { type: "ended"; end: SessionEnd };
