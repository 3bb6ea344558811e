/**
 * The agent protocol, version 1, as types and checks. docs/protocol.md is the contract; the frames under
 * tests/contract/frames are its examples and are read by this side and by the server's.
 */
import { array, boolean, integer, json, matching, object, oneOf, optional, optionalJson, record, string, type Infer } from "./schema.ts";

/** The version of the protocol that this agent speaks. */
export const PROTOCOL = 1;

/** The largest frame either side accepts, in bytes of UTF-8. */
export const MAX_FRAME_BYTES = 1 << 20;
/** The most lines one pod:logs frame carries. */
export const MAX_LOG_LINES = 500;
/** The longest line of a log, in bytes of UTF-8, the "…" of a cut one included. */
export const MAX_LOG_LINE_BYTES = 16 * 1024;
/** The longest message this agent puts in a pod:status, in bytes of UTF-8. */
export const MAX_MESSAGE_BYTES = 4 * 1024;

/** Close codes; docs/protocol.md says what an agent does on each. */
export const Close = {
  goodbye: 1000,
  restart: 1012,
  badFrame: 4400,
  unauthenticated: 4401,
  forbidden: 4403,
  noHeartbeat: 4408,
  superseded: 4409,
  slow: 4413,
  protocol: 4426,
} as const;

const uuid = matching(/^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i, "a UUID");
const dnsLabel = matching(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, "a DNS label");
const RFC3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;
/** A moment, as both the envelope and payloads write it. */
export const timestamp = matching(RFC3339, "an RFC 3339 time");
const sha256 = matching(/^[0-9a-f]{64}$/, "a hex SHA-256");
const incarnation = integer({ min: 1 });
const count = integer({ min: 0 });
const runtime = oneOf("node", "browser");
const status = oneOf("starting", "running", "stopping", "stopped", "failed");

const bundle = object({ bucket: string({ min: 1 }), path: string({ min: 1 }), sha256, size: integer({ min: 1 }) });

const pack = object({
  id: uuid,
  name: string({ min: 1 }),
  version: string({ min: 1 }),
  runtimeTag: oneOf("node", "browser", "universal"),
  bundle,
});

/** What was wrong with a frame of the other side. */
const problem = object({ code: string(), message: string() });

/** Payloads of the frames that an agent sends. */
export const agentPayloads = {
  "auth:authenticate": object({
    token: string({ min: 1 }),
    protocol: integer({ min: 1 }),
    agent: optional(object({ name: string(), version: string() })),
  }),
  "node:register": object({
    name: dnsLabel,
    runtimeType: runtime,
    runtimeVersion: string(),
    agentVersion: string(),
    bootId: uuid,
    labels: optional(record(string())),
    annotations: optional(record(string())),
    taints: optional(
      array(object({ key: string({ min: 1 }), value: optional(string()), effect: oneOf("NoSchedule", "PreferNoSchedule", "NoExecute") })),
    ),
    capabilities: optional(record(json)),
    resources: object({ cpu: string({ min: 1 }), memory: string({ min: 1 }), pods: count }),
    pods: array(object({ podId: uuid, incarnation, status })),
  }),
  "node:heartbeat": object({ pods: count, usage: optional(object({ cpuMillis: count, memoryBytes: count })) }),
  "node:disconnect": object({ reason: optional(string()) }),
  "pod:status": object({
    podId: uuid,
    incarnation,
    status,
    reason: optional(string({ max: 64 })),
    message: optional(string()),
    result: optionalJson,
    at: timestamp,
  }),
  "pod:logs": object({
    podId: uuid,
    incarnation,
    lines: array(object({ at: timestamp, stream: oneOf("stdout", "stderr", "system"), text: string() }), { max: MAX_LOG_LINES }),
    dropped: optional(count),
  }),
  error: problem,
} as const;

/** Payloads of the frames that a server sends. */
export const serverPayloads = {
  "auth:authenticated": object({ userId: uuid, role: string(), expiresAt: timestamp, protocol: integer({ min: 1 }) }),
  "node:registered": object({
    nodeId: uuid,
    name: string(),
    access: oneOf("shared", "private"),
    heartbeatIntervalMs: integer({ min: 100 }),
    leaseMs: optional(integer({ min: 1 })),
    supabase: object({ url: string(), anonKey: string() }),
  }),
  "node:heartbeat:ack": object({ leaseMs: optional(integer({ min: 1 })) }),
  "pod:assign": object({
    podId: uuid,
    incarnation,
    name: string({ min: 1 }),
    namespace: string({ min: 1 }),
    pack,
    env: record(string()),
    args: array(json),
    metadata: record(json),
    resources: object({ cpuMillis: count, memoryBytes: count }),
    gracePeriodMs: count,
  }),
  "pod:stop": object({ podId: uuid, incarnation, reason: string({ min: 1, max: 64 }), gracePeriodMs: count }),
  "pod:status:ack": object({
    podId: uuid,
    incarnation,
    status,
    accepted: boolean,
    code: optional(string()),
    message: optional(string()),
  }),
  error: problem,
} as const;

export type AgentType = keyof typeof agentPayloads;
export type ServerType = keyof typeof serverPayloads;
export type AgentPayload<T extends AgentType> = Infer<(typeof agentPayloads)[T]>;
export type ServerPayload<T extends ServerType> = Infer<(typeof serverPayloads)[T]>;

/** A frame of the server: its type says what its payload is. */
export type ServerFrame = { [T in ServerType]: { type: T; payload: ServerPayload<T>; correlationId?: string } }[ServerType];

export type Runtime = Infer<typeof runtime>;
export type PodStatus = Infer<typeof status>;
export type Bundle = Infer<typeof bundle>;
export type NodeRegister = AgentPayload<"node:register">;
export type Heartbeat = AgentPayload<"node:heartbeat">;
export type StatusReport = AgentPayload<"pod:status">;
export type LogLine = AgentPayload<"pod:logs">["lines"][number];
export type LogStream = LogLine["stream"];
export type HeldPod = NodeRegister["pods"][number];
export type Taint = NonNullable<NodeRegister["taints"]>[number];
export type Registered = ServerPayload<"node:registered">;
export type Assignment = ServerPayload<"pod:assign">;
export type StopOrder = ServerPayload<"pod:stop">;
export type StatusAck = ServerPayload<"pod:status:ack">;

/** What a pod's metadata says when it would rather not run than run twice; see docs/protocol.md, "Two at a time". */
export const FENCED = "stark/fenced";

export function isFenced({ metadata }: Assignment): boolean {
  return metadata[FENCED] === true;
}

/** Whether nothing more will happen to a pod with this status. */
export function isTerminal(status: PodStatus): boolean {
  return status === "stopped" || status === "failed";
}
