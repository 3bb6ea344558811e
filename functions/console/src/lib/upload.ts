import { call } from "./api.ts";
import { session, token } from "./session.ts";
import type { Pack } from "./types.ts";

export interface Upload { file: File; name: string; version: string; runtimeTag: string; visibility: string }

/** The limit of the bucket and of the server, in bytes. */
const MOST = 50 * 2 ** 20;

/** Puts a bundle into the user's own folder of the bucket and registers it, as `stark pack push` does. progress is from 0 to 1. */
export async function push(u: Upload, progress: (part: number) => void): Promise<Pack> {
  if (u.file.size === 0 || u.file.size > MOST) throw new Error("A bundle is a .js or .mjs file of 1 byte to 50 MiB. Bundle a folder with `stark pack bundle DIR`.");
  const body = await u.file.arrayBuffer();
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", body));
  const sha256 = [...digest].map((b) => b.toString(16).padStart(2, "0")).join("");
  const bundlePath = `${session.user?.id}/${u.name}/${u.version}/${sha256.slice(0, 12)}.js`;
  await put(bundlePath, body, await token(), progress);
  const { name, version, runtimeTag, visibility } = u;
  return call<Pack>("POST", "/api/packs", { name, version, runtimeTag, visibility, bundlePath, bundleSha256: sha256 });
}

/** XMLHttpRequest, because fetch (and so storage-js) does not tell how much has been sent. */
function put(path: string, body: ArrayBuffer, bearer: string, progress: (part: number) => void): Promise<void> {
  return new Promise((done, fail) => {
    const request = new XMLHttpRequest();
    request.open("POST", `${session.supabaseUrl}/storage/v1/object/packs/${path.split("/").map(encodeURIComponent).join("/")}`);
    request.setRequestHeader("authorization", `Bearer ${bearer}`);
    request.setRequestHeader("apikey", session.anonKey);
    request.setRequestHeader("content-type", "text/javascript");
    request.setRequestHeader("x-upsert", "true"); // the same bytes again, after a registration that failed
    request.upload.onprogress = (event) => progress(event.loaded / event.total);
    request.onerror = () => fail(new Error("Supabase Storage does not answer. Try again."));
    request.onload = () => (request.status < 300 ? done() : fail(new Error(`Supabase Storage refused the bundle: ${messageOf(request.responseText)}`)));
    request.send(body);
  });
}

function messageOf(text: string): string {
  try {
    return (JSON.parse(text) as { message?: string }).message ?? text;
  } catch {
    return text;
  }
}
