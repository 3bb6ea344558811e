/** The text of values: what Node.js itself makes of them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { format as nodeFormat } from "node:util";
import { format } from "../../core/pack/inspect.ts";

class Point {
  x = 1;
}
const circular: Record<string, unknown> = { name: "loop" };

const ALIKE: unknown[][] = [
  [],
  ["plain"],
  ["a %s b %d", "x", 4, { a: 1 }],
  ["%i %f %j %o %% %c.", "42.5", "1.5", { a: [1] }, 1, "color: red"],
  ["%s %s", null, 12n, "more"],
  ["100%", 5],
  ["%s"],
  [undefined, null, true, -0, 1n, Symbol("s")],
  ["it's", ["it's", 'say "hi"', "a\nb", "`'\"", "\u0001"]],
  [{ a: 1, "b-c": 2, [Symbol("d")]: 3, 4: 5 }],
  [{ a: { b: { c: { d: 1 } } } }, { a: { b: { c: {} } } }, { a: { b: { c: [1] } } }],
  [[], {}, [[]], [{}], [undefined, null]],
  [[1, 2, 3], new Array(101).fill(7).map(String).slice(0, 3)],
  [new Map<unknown, unknown>([["k", { v: 1 }]]), new Set([1, "two"])],
  [new Point(), Object.create(null), class Foo {}, function named() {}, () => {}, async () => {}],
  [new Date(0), /x+/gi, new Date(Number.NaN)],
  [new Uint8Array([1, 2, 3])],
  [{ first: "a".repeat(30), second: "b".repeat(30), third: "c".repeat(30) }],
  [
    [
      { id: 1, name: "one", tags: ["a", "b"] },
      { id: 2, name: "two", tags: [] },
    ],
  ],
  [
    {
      get only() {
        return 1;
      },
      set both(_: number) {},
    },
  ],
];

test("everyday values look as Node.js shows them", () => {
  for (const args of ALIKE) assert.equal(format(...args), nodeFormat(...args));
});

test("errors show their stack and their cause", () => {
  const error = new TypeError("outer", { cause: new Error("inner") });
  const text = format("failed:", error);
  assert.ok(text.startsWith("failed: TypeError: outer\n    at "), text);
  assert.match(text, /\[cause\]: Error: inner\n/);
});

test("nothing makes it loop or throw", () => {
  circular["self"] = circular;
  assert.match(format(circular), /\[Circular \*1\]/);
  assert.match(format("%j", circular), /\[Circular\]/);
  assert.ok(format(Array.from({ length: 1_000 }, (_, n) => n)).includes("... 900 more items"));
  for (const odd of [new Proxy({}, {}), Promise.resolve(1), new WeakMap(), new DataView(new ArrayBuffer(2)), globalThis])
    assert.equal(typeof format(odd), "string");
});
