/** What all functions answer: the REST API's envelopes (docs/errors.md). */

/** A refusal with its public face. */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly extra: { field?: string; hint?: string; podId?: string; reason?: string } = {},
  ) {
    super(message);
  }
}

export const invalid = (field: string, message: string): Refusal => new Refusal(400, "VALIDATION_ERROR", message, { field });

export function succeed(data: unknown, status = 200): Response {
  return answer(status, { success: true, data });
}

function answer(status: number, body: unknown): Response {
  return new Response(JSON.stringify(body), {
    status,
    headers: { "content-type": "application/json", "cache-control": "no-store", "x-content-type-options": "nosniff" },
  });
}

/** Makes a handler answer a POST; what it throws becomes a refusal, and what is no refusal is logged and stays inside. */
export function post(name: string, handle: (request: Request) => Promise<Response>): (request: Request) => Promise<Response> {
  return async (request) => {
    try {
      if (request.method !== "POST") throw new Refusal(405, "METHOD_NOT_ALLOWED", "send a POST");
      return await handle(request);
    } catch (error) {
      if (error instanceof Refusal) {
        return answer(error.status, { success: false, error: { code: error.code, message: error.message, ...error.extra } });
      }
      console.error(`${name}:`, error);
      return answer(500, { success: false, error: { code: "INTERNAL_ERROR", message: "something went wrong on our side" } });
    }
  };
}

/** Reads a body of at most `limit` bytes, whatever its headers say. */
export async function readBody(request: Request, limit: number): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of request.body ?? []) {
    size += chunk.byteLength;
    if (size > limit) throw new Refusal(413, "PAYLOAD_TOO_LARGE", `the body is larger than ${limit} bytes`);
    chunks.push(chunk);
  }
  const whole = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.byteLength;
  }
  return whole;
}

/** Parses a JSON object whose members are all among `known`. */
export function parseObject(body: Uint8Array, known: readonly string[]): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
  } catch {
    throw new Refusal(400, "VALIDATION_ERROR", "the body is not JSON");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new Refusal(400, "VALIDATION_ERROR", "the body must be a JSON object");
  }
  for (const key of Object.keys(value)) {
    if (!known.includes(key)) throw invalid(key, `unknown field; known are ${known.join(", ")}`);
  }
  return value as Record<string, unknown>;
}

/** Reads an optional text. */
export function optionalText(fields: Record<string, unknown>, field: string, fallback = ""): string {
  const value = fields[field] ?? fallback;
  if (typeof value !== "string") throw invalid(field, "must be text");
  return value;
}

/** Reads a text that must be there. */
export function text(fields: Record<string, unknown>, field: string): string {
  const value = optionalText(fields, field);
  if (value === "") throw invalid(field, "is needed");
  return value;
}
