/** Where a webhook may go: not into the network that this function runs in, unless an operator says so (OWASP, "SSRF Prevention"). */

/** Looks a name up. */
export type Resolve = (host: string, kind: "A" | "AAAA") => Promise<string[]>;

/** Throws when a webhook may not be sent to an address. */
export async function checkTarget(url: string, allowPrivate: boolean, resolve: Resolve): Promise<void> {
  const { protocol, hostname, username, password } = new URL(url);
  if (protocol !== "https:" && !(allowPrivate && protocol === "http:")) throw new Error("STARK_NOTIFY_URL must be https");
  if (username !== "" || password !== "") throw new Error("STARK_NOTIFY_URL must not carry a password: it would be logged on its way");
  if (allowPrivate) return;
  const host = hostname.replace(/^\[|\]$/g, "").replace(/\.$/, "");
  const literal = bytesOf(host);
  const addresses = literal === undefined ? await lookUp(host, resolve) : [host];
  for (const address of addresses) {
    if (isPrivate(address)) {
      throw new Error(`STARK_NOTIFY_URL leads to ${address}, which is private: set STARK_NOTIFY_ALLOW_PRIVATE=true if that is meant`);
    }
  }
}

async function lookUp(host: string, resolve: Resolve): Promise<string[]> {
  const found = await Promise.allSettled([resolve(host, "A"), resolve(host, "AAAA")]);
  const addresses = found.flatMap((answer) => answer.status === "fulfilled" ? answer.value : []);
  if (addresses.length === 0) throw new Error(`STARK_NOTIFY_URL: ${host} has no address`);
  return addresses;
}

/** Ranges that are not the public internet's: IANA's special-purpose registries, and multicast. */
const ranges4: [string, number][] = [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.0.2.0", 24],
  ["192.88.99.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["198.51.100.0", 24],
  ["203.0.113.0", 24],
  ["224.0.0.0", 3],
];
/** What is public of IPv6 (2000::/3), without what is set aside in it: documentation, Teredo, 6to4 and ORCHID carry or hide other addresses. */
const ranges6: [string, number][] = [["2001::", 23], ["2001:db8::", 32], ["2002::", 16], ["3fff::", 20]];

/** Whether an address is not one of the public internet; one that cannot be read is not. */
export function isPrivate(address: string): boolean {
  const bytes = bytesOf(address);
  if (bytes === undefined) return true;
  if (bytes.length === 4) return ranges4.some(([base, bits]) => within(bytes, bytesOf(base)!, bits));
  const mapped = bytes.slice(0, 10).every((b) => b === 0) && bytes[10] === 0xff && bytes[11] === 0xff; // ::ffff:a.b.c.d
  if (mapped) return isPrivate(bytes.slice(12).join("."));
  return !within(bytes, bytesOf("2000::")!, 3) || ranges6.some(([base, bits]) => within(bytes, bytesOf(base)!, bits));
}

function within(bytes: number[], base: number[], bits: number): boolean {
  return bytes.every((byte, i) => {
    const mask = (0xff00 >> Math.min(8, Math.max(0, bits - 8 * i))) & 0xff;
    return (byte & mask) === (base[i]! & mask);
  });
}

/** The bytes of an address, or undefined when it is none. URL has brought shorter and stranger spellings into these forms. */
function bytesOf(address: string): number[] | undefined {
  const four = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(address)?.slice(1).map(Number);
  if (four !== undefined) return four.every((b) => b < 256) ? four : undefined;
  if (!address.includes(":")) return undefined;
  let canonical: string;
  try {
    canonical = new URL(`http://[${address}]/`).hostname.slice(1, -1); // hexadecimal groups, without a dotted tail
  } catch {
    return undefined;
  }
  const [head = "", tail] = canonical.split("::");
  const groups = (part: string) => part === "" ? [] : part.split(":").map((g) => Number.parseInt(g, 16));
  const [left, right] = [groups(head), groups(tail ?? "")];
  const middle = tail === undefined ? [] : new Array<number>(8 - left.length - right.length).fill(0);
  return [...left, ...middle, ...right].flatMap((group) => [group >> 8, group & 0xff]);
}
