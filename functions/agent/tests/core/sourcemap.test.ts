/** Source maps of stacks. That both runtimes' stacks are mapped is tests/conformance'. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeMappings, mapStack, type BundleSource } from "../../core/pack/sourcemap.ts";

function bundle(map: unknown, firstLineOffset = 0): BundleSource {
  const json = typeof map === "string" ? map : JSON.stringify(map);
  return {
    text: () => `first();\nsecond();\n//# sourceMappingURL=data:application/json;base64,${Buffer.from(json).toString("base64")}\n`,
    decodeBase64: (text) => Buffer.from(text, "base64").toString("utf8"),
    places: /pack\.mjs:(\d+):(\d+)/g,
    firstLineOffset,
  };
}

const STACK = "Error: no\n    at second (pack.mjs:2:5)\n    at pack.mjs:1:1\n    at node:internal:1:1";

test("mappings add up, within a line and from line to line", () => {
  // The example of the format's own description: a field that is left out, negative differences, numbers of two digits.
  assert.deepEqual(decodeMappings("AAAA,IAAI;;C,gBCAD"), [
    [
      { column: 0, source: 0, line: 0, sourceColumn: 0 },
      { column: 4, source: 0, line: 0, sourceColumn: 4 },
    ],
    [],
    [{ column: 17, source: 1, line: 0, sourceColumn: 3 }],
  ]);
});

test("places of the bundle become those of its sources, and no others", () => {
  const map = { version: 3, sources: ["src/a.ts", "src/ä.ts"], mappings: "AAAA;ICKA" };
  assert.equal(mapStack(STACK, bundle(map)), "Error: no\n    at second (src/ä.ts:6:1)\n    at src/a.ts:1:1\n    at node:internal:1:1");
  const rooted = mapStack(STACK, bundle({ ...map, sourceRoot: "root/" }));
  assert.ok(rooted.includes("(root/src/ä.ts:6:1)"), rooted);
});

test("what a runtime puts before the first line is taken off, there alone", () => {
  const map = { version: 3, sources: ["a.ts"], mappings: "AAAA,KAAK;AAAA" };
  assert.equal(mapStack("at pack.mjs:1:26\nat pack.mjs:2:1", bundle(map, 20)), "at a.ts:1:6\nat a.ts:1:6");
});

for (const [what, map] of Object.entries<unknown>({
  "no JSON": "{",
  "no object": [1],
  "no mappings": { version: 3, sources: [] },
  "digits that are none": { version: 3, sources: ["a.ts"], mappings: "A!" },
  "sources that are not there": { version: 3, sources: [], mappings: "AAAA;AAAA" },
  "no line of that number": { version: 3, sources: ["a.ts"], mappings: "" },
})) {
  test(`a map with ${what} leaves the stack as it is`, () => assert.equal(mapStack(STACK, bundle(map)), STACK));
}

test("a bundle without a map is read and left alone, and not even read for another's stack", () => {
  const none: BundleSource = { ...bundle({}), text: () => "first();" };
  assert.equal(mapStack(STACK, none), STACK);
  const unread: BundleSource = { ...none, text: () => assert.fail("read") };
  assert.equal(mapStack("Error: elsewhere\n    at other.js:1:1", unread), "Error: elsewhere\n    at other.js:1:1");
});
