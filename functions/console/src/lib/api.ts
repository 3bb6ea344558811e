import { token } from "./session.ts";

export interface Problem { code: string; message: string; field?: string; hint?: string }

/** An answer that was no success, in words for a person. */
export class ApiError extends Error {
  constructor(readonly problem: Problem) {
    const { field, message, hint } = problem;
    super([field && !message.includes(field) && `${field}:`, message, hint].filter(Boolean).join(" "));
  }
}

interface Answer<T> { success: boolean; data: T; error?: Problem; page?: { next?: string } }

export async function call<T>(method: string, path: string, body?: unknown): Promise<T> {
  return (await ask<T>(method, path, body)).data;
}

async function ask<T>(method: string, path: string, body?: unknown): Promise<Answer<T>> {
  const headers: Record<string, string> = { authorization: `Bearer ${await token()}` };
  if (body !== undefined) headers["content-type"] = "application/json";
  const response = await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  if (response.status === 204) return { success: true, data: undefined as T };
  const answer = (await response.json().catch(() => {
    throw new Error(`Something between here and the server answered ${response.status}. Try again; if it stays so, ask whoever runs the server.`);
  })) as Answer<T>;
  if (answer.error) throw new ApiError(answer.error);
  return answer;
}

/** Entries of a list, newest first, page by page until there is no more or `most` are there. */
export async function listAll<T>(path: string, most = 2_000): Promise<T[]> {
  const items: T[] = [];
  let cursor = "";
  do {
    const answer = await ask<T[]>("GET", `${path}${path.includes("?") ? "&" : "?"}limit=500${cursor && `&cursor=${cursor}`}`);
    items.push(...answer.data);
    cursor = answer.page?.next ?? "";
  } while (cursor && items.length < most);
  return items;
}

export async function openWatch(kinds: string[], cursor: string, signal: AbortSignal): Promise<ReadableStream<Uint8Array>> {
  const query = new URLSearchParams({ kinds: kinds.join(","), cursor });
  const response = await fetch(`/api/watch?${query}`, { headers: { authorization: `Bearer ${await token()}` }, signal });
  if (!response.ok || !response.body) throw new Error(`the server answered ${response.status}`);
  return response.body;
}
