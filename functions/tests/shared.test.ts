import assert from "node:assert/strict";

import { highest } from "../_shared/semver.ts";
import { sameSecret, sign, toleranceSeconds, verify } from "../_shared/signature.ts";

const body = new TextEncoder().encode('{"pack":"hello"}');

Deno.test("a signature counts for its body, its secret and its time", async () => {
  const at = 1_800_000_000;
  const header = await sign("first secret of the hook", body, at);
  // From outside: printf '1800000000.{"pack":"hello"}' | openssl dgst -sha256 -hmac 'first secret of the hook'
  assert.equal(header, "t=1800000000,v1=f844afb69a82b92161d38613ac4981938c3badf7d16b45a7ed1a2d416430850b");
  const secrets = ["second secret of the hook", "first secret of the hook"];
  assert.equal(await verify(secrets, header, body, at), at);
  assert.equal(await verify(secrets, header, body, at + toleranceSeconds), at);
  assert.equal(await verify(secrets, `v0=x,${header},v1=${"0".repeat(64)}`, body, at), at, "what is not known is skipped");

  assert.equal(await verify(secrets, header, body, at + toleranceSeconds + 1), undefined, "sent again later");
  assert.equal(await verify(secrets, header, body, at - toleranceSeconds - 1), undefined, "from the future");
  assert.equal(await verify(["second secret of the hook"], header, body, at), undefined, "another secret");
  assert.equal(await verify(secrets, header, new TextEncoder().encode("{}"), at), undefined, "another body");
  assert.equal(await verify(secrets, header.replace("t=1800000000", "t=1800000001"), body, at), undefined, "another time");
  for (const bad of [null, "", "t=", "v1=" + "0".repeat(64), header.replace("v1", "v2"), header.slice(0, -1), "t=1800000000"]) {
    assert.equal(await verify(secrets, bad, body, at), undefined, String(bad));
  }
});

Deno.test("secrets are compared whole", async () => {
  assert.equal(await sameSecret("abc", "abc"), true);
  for (const other of ["", "ab", "abcd", "abd"]) assert.equal(await sameSecret(other, "abc"), false, other);
});

Deno.test("versions go by semver's precedence", () => {
  const order = [
    "1.0.0-alpha",
    "1.0.0-alpha.1",
    "1.0.0-alpha.beta",
    "1.0.0-beta",
    "1.0.0-beta.2",
    "1.0.0-beta.11",
    "1.0.0-rc.1",
    "1.0.0",
    "1.2.9",
    "1.10.0",
    "2.0.0",
  ];
  for (let i = 1; i < order.length; i++) {
    const pair = [order[i - 1]!, order[i]!].map((version) => ({ version }));
    assert.equal(highest(pair)?.version, order[i]);
    assert.equal(highest(pair.reverse())?.version, order[i]);
  }
  assert.equal(highest([{ version: "2.0.0-rc.1" }, { version: "1.0.0" }])?.version, "1.0.0", "a release before a pre-release");
  assert.equal(highest([]), undefined);
});
