/** The codec of frames: one JSON text message each. Splits envelope from payload, as the server does. */
import {
  agentPayloads,
  MAX_FRAME_BYTES,
  serverPayloads,
  timestamp as timestampSchema,
  type AgentPayload,
  type AgentType,
  type ServerFrame,
  type ServerPayload,
  type ServerType,
} from "./protocol.ts";
import { isObject, SchemaError } from "./schema.ts";
import { utf8Length } from "./text.ts";

/** What was wrong with a frame. */
export type FrameProblem =
  | "envelope" // not a frame at all: answered, then the socket is closed with 4400
  | "payload" // a known type whose payload is not what it must be: answered and ignored
  | "type"; // an unknown type: answered and ignored

/** Thrown by the decoders. The message says what is wrong without quoting the frame. */
export class FrameError extends Error {
  override readonly name = "FrameError";
  readonly problem: FrameProblem;
  readonly correlationId: string | undefined;

  constructor(problem: FrameProblem, message: string, correlationId?: string) {
    super(message);
    this.problem = problem;
    this.correlationId = correlationId;
  }
}

/** A frame whose payload has not been looked at. */
export interface Envelope {
  type: string;
  payload: Record<string, unknown>;
  timestamp: string;
  correlationId?: string;
}

/** Encodes a frame. `now` is in milliseconds since 1970. */
export function encodeFrame<T extends AgentType>(type: T, payload: AgentPayload<T>, now: number, correlationId?: string): string {
  return encodeEnvelope(type, payload, now, correlationId);
}

/** Encodes a frame as a server does; for tests and tools that play one. */
export function encodeServerFrame<T extends ServerType>(type: T, payload: ServerPayload<T>, now: number, correlationId?: string): string {
  return encodeEnvelope(type, payload, now, correlationId);
}

function encodeEnvelope(type: string, payload: object, now: number, correlationId?: string): string {
  const timestamp = new Date(now).toISOString();
  return JSON.stringify(correlationId === undefined ? { type, payload, timestamp } : { type, payload, timestamp, correlationId });
}

/** Reads the envelope of a frame; `undefined` stands for a binary message. Throws FrameError "envelope". */
export function decodeEnvelope(text: string | undefined): Envelope {
  if (text === undefined) throw new FrameError("envelope", "a frame must be a text message");
  if (text.length > MAX_FRAME_BYTES || (text.length * 3 > MAX_FRAME_BYTES && utf8Length(text) > MAX_FRAME_BYTES)) {
    throw new FrameError("envelope", `a frame must have at most ${MAX_FRAME_BYTES} bytes`);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new FrameError("envelope", "a frame must be JSON");
  }
  if (!isObject(value)) throw new FrameError("envelope", "a frame must be an object");
  const { type, payload, correlationId } = value;
  if (typeof type !== "string" || type === "" || type.length > 64) throw new FrameError("envelope", "type is missing");
  if (!isObject(payload)) throw new FrameError("envelope", "payload must be an object");
  const timestamp = timestampOf(value);
  if (correlationId === undefined || correlationId === "") return { type, payload, timestamp };
  if (typeof correlationId !== "string" || correlationId.length > 128) {
    throw new FrameError("envelope", "correlationId must be a string of at most 128 characters");
  }
  return { type, payload, timestamp, correlationId };
}

function timestampOf(value: Record<string, unknown>): string {
  try {
    return timestampSchema.parse(value["timestamp"], "timestamp");
  } catch (error) {
    throw error instanceof SchemaError ? new FrameError("envelope", error.message) : error;
  }
}

/** Reads a frame of the server. Throws FrameError. */
export function decodeServerFrame(text: string | undefined): ServerFrame {
  return decodeAs(serverPayloads, text) as ServerFrame;
}

/** Reads a frame of an agent; for tests and tools that play a server. Throws FrameError. */
export function decodeAgentFrame(
  text: string | undefined,
): { [T in AgentType]: { type: T; payload: AgentPayload<T>; correlationId?: string } }[AgentType] {
  return decodeAs(agentPayloads, text) as ReturnType<typeof decodeAgentFrame>;
}

function decodeAs(schemas: Record<string, { parse(value: unknown, path: string): unknown }>, text: string | undefined): unknown {
  const { type, payload, correlationId } = decodeEnvelope(text);
  const schema = Object.hasOwn(schemas, type) ? schemas[type] : undefined;
  if (schema === undefined) throw new FrameError("type", `unknown type ${JSON.stringify(type)}`, correlationId);
  try {
    const parsed = schema.parse(payload, "");
    return correlationId === undefined ? { type, payload: parsed } : { type, payload: parsed, correlationId };
  } catch (error) {
    if (error instanceof SchemaError) throw new FrameError("payload", `${type}: ${error.message}`, correlationId);
    throw error;
  }
}
