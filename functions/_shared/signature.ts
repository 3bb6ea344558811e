/**
 * Signatures of webhooks: `t=<unix seconds>,v1=<hex HMAC-SHA256 of "<t>.<body>">`, as Stripe signs (docs.stripe.com/webhooks). The time is signed
 * too, so that what was recorded cannot be sent again later.
 */

/** How old, or how far ahead, a delivery may be, in seconds. */
export const toleranceSeconds = 300;

export const signatureHeader = "stark-signature";

const encoder = new TextEncoder();

const keyOf = (secret: string): Promise<CryptoKey> =>
  crypto.subtle.importKey("raw", encoder.encode(secret), { name: "HMAC", hash: "SHA-256" }, false, ["sign", "verify"]);

function signed(at: number, body: Uint8Array): Uint8Array<ArrayBuffer> {
  const prefix = encoder.encode(`${at}.`);
  const whole = new Uint8Array(prefix.length + body.length);
  whole.set(prefix);
  whole.set(body, prefix.length);
  return whole;
}

/** Makes the value of the header; `at` is in unix seconds. */
export async function sign(secret: string, body: Uint8Array, at: number): Promise<string> {
  const mac = await crypto.subtle.sign("HMAC", await keyOf(secret), signed(at, body));
  return `t=${at},v1=${hex(new Uint8Array(mac))}`;
}

/**
 * Checks the header and gives the time of signing in unix seconds, or undefined when it does not count: unsigned, signed with another secret, or
 * outside the tolerance. Several secrets let one replace another without a gap.
 */
export async function verify(secrets: readonly string[], header: string | null, body: Uint8Array, now: number): Promise<number | undefined> {
  const at = /(?:^|,)t=(\d{1,12})(?:,|$)/.exec(header ?? "")?.[1];
  if (at === undefined || Math.abs(now - Number(at)) > toleranceSeconds) return undefined;
  for (const [, mac] of (header ?? "").matchAll(/(?:^|,)v1=([0-9a-f]{64})(?=,|$)/g)) {
    for (const secret of secrets) {
      // subtle.verify compares in constant time.
      if (await crypto.subtle.verify("HMAC", await keyOf(secret), unhex(mac!), signed(Number(at), body))) return Number(at);
    }
  }
  return undefined;
}

export const hex = (bytes: Uint8Array): string => Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");

const unhex = (text: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from({ length: text.length / 2 }, (_, i) => Number.parseInt(text.slice(2 * i, 2 * i + 2), 16));

/** Compares secrets in a time that tells nothing of them but, perhaps, their length. */
export async function sameSecret(given: string, expected: string): Promise<boolean> {
  const key = await crypto.subtle.generateKey({ name: "HMAC", hash: "SHA-256" }, false, ["sign", "verify"]);
  const mac = await crypto.subtle.sign("HMAC", key as CryptoKey, encoder.encode(expected));
  return await crypto.subtle.verify("HMAC", key as CryptoKey, mac, encoder.encode(given));
}
