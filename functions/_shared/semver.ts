/** Precedence of semantic versions (semver.org, 11), as `stark.semver_key` and the server have it. */

interface Version {
  numbers: bigint[];
  pre: string[];
}

function parse(version: string): Version {
  const [core = "", pre = ""] = (version.split("+")[0] ?? "").split(/-(.*)/);
  return { numbers: core.split(".").map(BigInt), pre: pre === "" ? [] : pre.split(".") };
}

const compare = (a: bigint | string, b: bigint | string): number => (a < b ? -1 : a > b ? 1 : 0);

function compareIdentifiers(a: string, b: string): number {
  const numeric = [a, b].map((x) => /^\d+$/.test(x));
  if (numeric[0] && numeric[1]) return compare(BigInt(a), BigInt(b));
  return numeric[0] === numeric[1] ? compare(a, b) : numeric[0] ? -1 : 1;
}

function precedence(a: Version, b: Version): number {
  for (const i of [0, 1, 2]) {
    const c = compare(a.numbers[i] ?? 0n, b.numbers[i] ?? 0n);
    if (c !== 0) return c;
  }
  if (a.pre.length === 0 || b.pre.length === 0) return b.pre.length - a.pre.length;
  for (let i = 0; i < Math.min(a.pre.length, b.pre.length); i++) {
    const c = compareIdentifiers(a.pre[i]!, b.pre[i]!);
    if (c !== 0) return c;
  }
  return a.pre.length - b.pre.length;
}

/** The highest version, a pre-release only if there is nothing else; undefined of none. */
export function highest<T extends { version: string }>(rows: readonly T[]): T | undefined {
  const parsed = rows.map((row) => ({ row, version: parse(row.version) }));
  const released = parsed.filter(({ version }) => version.pre.length === 0);
  const candidates = released.length > 0 ? released : parsed;
  return candidates.sort((a, b) => precedence(b.version, a.version))[0]?.row;
}
