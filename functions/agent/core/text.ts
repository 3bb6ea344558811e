/** Text that must fit a bound in UTF-8 bytes and be storable in Postgres, without TextEncoder (the core has no platform). */

/** How many bytes `text` has in UTF-8. A lone surrogate counts as the 3 bytes of U+FFFD. */
export function utf8Length(text: string): number {
  let bytes = text.length;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) continue;
    if (unit < 0x800) bytes += 1;
    else if (isHighSurrogate(unit) && isLowSurrogate(text.charCodeAt(i + 1))) {
      bytes += 2; // two units, four bytes
      i++;
    } else bytes += 2;
  }
  return bytes;
}

/** `text`, or its beginning followed by "…", so that it has at most `maxBytes` (at least 3) bytes in UTF-8. */
export function truncateUtf8(text: string, maxBytes: number): string {
  if (text.length * 3 <= maxBytes || utf8Length(text) <= maxBytes) return text;
  return headUtf8(text, maxBytes - 3) + "…";
}

/** The longest beginning of `text` that has at most `maxBytes` bytes and does not cut a character in two. */
export function headUtf8(text: string, maxBytes: number): string {
  let bytes = 0;
  let end = 0;
  while (end < text.length) {
    const point = text.codePointAt(end) ?? 0;
    const size = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    if (bytes + size > maxBytes) break;
    bytes += size;
    end += size === 4 ? 2 : 1;
  }
  return text.slice(0, end);
}

// NUL has no place in Postgres' text and jsonb, and half a surrogate pair is not UTF-8.
// eslint-disable-next-line no-control-regex
const UNSTORABLE = /\u0000|\p{Surrogate}/gu;

/** `text` with everything that Postgres cannot store replaced by U+FFFD. */
export function storable(text: string): string {
  return text.replace(UNSTORABLE, "\uFFFD");
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}

function isLowSurrogate(unit: number): boolean {
  return unit >= 0xdc00 && unit <= 0xdfff;
}
