const SCALE: Record<string, number> = {
  n: 1e-9, u: 1e-6, m: 1e-3, "": 1, k: 1e3, M: 1e6, G: 1e9, T: 1e12, P: 1e15, E: 1e18,
  Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30, Ti: 2 ** 40, Pi: 2 ** 50, Ei: 2 ** 60,
};
const FORM = /^(\d+\.?\d*|\.\d+)(?:[eE]([+-]?\d{1,3})|([numkMGTPE]|[KMGTPE]i)?)$/;

/** A Kubernetes quantity as a number, of cores or bytes: "250m" is 0.25, "64Mi" is 67108864. Nothing asked for is 0; NaN when it is no quantity. */
export function quantity(text: string | undefined): number {
  if (!text) return 0;
  const found = FORM.exec(text);
  if (!found) return NaN;
  const [, number, exponent, unit = ""] = found;
  return Number(number) * (exponent === undefined ? (SCALE[unit] ?? NaN) : 10 ** Number(exponent));
}

/** Bytes for people: "1.5 KiB". */
export function bytes(n: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
  const at = n < 1024 ? 0 : Math.min(Math.floor(Math.log2(n) / 10), units.length - 1);
  const value = n / 1024 ** at;
  return `${value.toFixed(at && value < 10 ? 1 : 0)} ${units[at]}`;
}

/** Cores for people, to the millicore: 0.25. */
export const cores = (n: number): string => String(+n.toFixed(3));
