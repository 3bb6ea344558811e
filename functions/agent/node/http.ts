/** One HTTP exchange with Node's own fetch, bounded in time and size. */
import { createHash } from "node:crypto";
import { ResponseTooLarge, type HttpFetch, type HttpRequest, type HttpResponse, type Sha256 } from "../core/ports.ts";

export const httpFetch: HttpFetch = async (request) => {
  const { method, url, headers, body, timeoutMs, maxBytes, cancel } = request;
  const cancelled = new AbortController();
  const stopListening = cancel?.onCancel(() => cancelled.abort());
  try {
    const response = await fetch(url, {
      method,
      headers,
      ...(body === undefined ? {} : { body }),
      // What carries a key or a token is sent to the address that was configured and to no other.
      redirect: method === "POST" ? "error" : "follow",
      signal: AbortSignal.any([cancelled.signal, AbortSignal.timeout(timeoutMs)]),
    });
    return answer(response.status, await bodyOf(response, maxBytes));
  } catch (error) {
    throw error instanceof ResponseTooLarge ? error : new Error(explain(error, request), { cause: error });
  } finally {
    stopListening?.();
  }
};

export const sha256: Sha256 = (bytes) => Promise.resolve(createHash("sha256").update(bytes).digest("hex"));

function answer(status: number, bytes: Uint8Array): HttpResponse {
  return { status, bytes, text: () => new TextDecoder().decode(bytes) };
}

async function bodyOf(response: Response, maxBytes: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  // An early throw cancels the stream, and with it the download.
  for await (const chunk of response.body ?? []) {
    const bytes = chunk as Uint8Array;
    length += bytes.length;
    if (length > maxBytes) throw new ResponseTooLarge(`the answer has more than ${maxBytes} bytes`);
    chunks.push(bytes);
  }
  return Buffer.concat(chunks, length);
}

// fetch says "fetch failed" and keeps what happened in the cause.
function explain(error: unknown, { timeoutMs }: HttpRequest): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === "TimeoutError") return `no answer within ${timeoutMs / 1000} s`;
  const { cause } = error;
  if (!(cause instanceof Error)) return error.message;
  return cause.message || (cause as NodeJS.ErrnoException).code || error.message;
}
