/** One HTTP exchange with the browser's fetch, bounded in time and size. */
import { ResponseTooLarge, type HttpFetch, type HttpRequest, type Sha256 } from "../../core/ports.ts";

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
      credentials: "omit",
      cache: "no-store", // bundles have a cache of their own, which is verified
      referrerPolicy: "no-referrer",
      signal: AbortSignal.any([cancelled.signal, AbortSignal.timeout(timeoutMs)]),
    });
    const bytes = await bodyOf(response, maxBytes);
    return { status: response.status, bytes, text: () => new TextDecoder().decode(bytes) };
  } catch (error) {
    throw error instanceof ResponseTooLarge ? error : new Error(explain(error, request), { cause: error });
  } finally {
    stopListening?.();
  }
};

export const sha256: Sha256 = async (bytes) => {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes as Uint8Array<ArrayBuffer>));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
};

async function bodyOf(response: Response, maxBytes: number): Promise<Uint8Array> {
  const reader = response.body?.getReader();
  if (!reader) return new Uint8Array();
  const chunks: Uint8Array[] = [];
  let length = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    length += value.length;
    if (length > maxBytes) {
      await reader.cancel();
      throw new ResponseTooLarge(`the answer has more than ${maxBytes} bytes`);
    }
    chunks.push(value);
  }
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}

// A browser says "Failed to fetch" for a network that fails, and for a server that does not let this page in (CORS).
function explain(error: unknown, { url, timeoutMs }: HttpRequest): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === "TimeoutError") return `no answer within ${timeoutMs / 1000} s`;
  if (error instanceof TypeError)
    return `${new URL(url).origin} cannot be reached, or does not let pages of this origin in (${error.message})`;
  return error.message;
}
