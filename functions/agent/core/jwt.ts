/** Reads a JWT's times. Nothing is verified: whoever receives the token does that. */
import { isObject } from "./schema.ts";

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/** When the token expires, in milliseconds since 1970; undefined if it does not say or is no JWT. */
export function expiryOf(token: string): number | undefined {
  const payload = token.split(".")[1];
  if (payload === undefined) return undefined;
  let claims: unknown;
  try {
    claims = JSON.parse(decodeBase64Url(payload));
  } catch {
    return undefined; // no JSON, so no JWT
  }
  const exp = isObject(claims) ? claims["exp"] : undefined;
  return typeof exp === "number" ? exp * 1000 : undefined;
}

/** The bytes as Latin-1, which is right for the numbers that are wanted and harmless for the rest. */
function decodeBase64Url(text: string): string {
  let out = "";
  let bits = 0;
  let held = 0;
  for (const char of text) {
    const value = ALPHABET.indexOf(char);
    if (value < 0) break;
    bits = (bits << 6) | value;
    held += 6;
    if (held >= 8) {
      held -= 8;
      out += String.fromCharCode((bits >> held) & 0xff);
    }
    bits &= (1 << held) - 1;
  }
  return out;
}
