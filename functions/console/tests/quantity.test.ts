import assert from "node:assert/strict";
import test from "node:test";
import { bytes, cores, quantity } from "../src/lib/quantity.ts";

test("a quantity is what Kubernetes means by it", () => {
  const table: [string | undefined, number][] = [
    ["250m", 0.25], ["2", 2], ["1.5", 1.5], [".5", 0.5], ["64Mi", 67_108_864], ["1Gi", 2 ** 30], ["1Pi", 2 ** 50], ["3k", 3000], ["2M", 2e6], ["1e3", 1000], ["1E", 1e18], ["1E2", 100],
    ["500u", 0.0005], [undefined, 0], ["", 0], ["0", 0],
  ];
  for (const [text, number] of table) assert.ok(Math.abs(quantity(text) - number) <= number * 1e-12, `${text} is ${quantity(text)}, not ${number}`);
});

test("what is no quantity is not taken for a number", () => {
  for (const text of ["many", "1.2.3", "-1", "1mi", "1KI", "1K", "m", ".", "1 Gi", "1e", "0x10", "Infinity", "constructor"]) assert.ok(Number.isNaN(quantity(text)), text);
});

test("numbers are for people", () => {
  assert.deepEqual([bytes(0), bytes(12), bytes(1023), bytes(1024), bytes(1536), bytes(64 * 2 ** 20), bytes(3 * 2 ** 40), bytes(2 ** 61)],
    ["0 B", "12 B", "1023 B", "1.0 KiB", "1.5 KiB", "64 MiB", "3.0 TiB", "2048 PiB"]);
  assert.deepEqual([cores(0.1 + 0.2), cores(2), cores(0.0004)], ["0.3", "2", "0"]);
});
