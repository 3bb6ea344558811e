// Deploys a bundle from CI through the edge function deploy-hook (docs/functions.md):
//   STARK_HOOK_URL=https://<ref>.supabase.co/functions/v1/deploy-hook STARK_HOOK_SECRET=… \
//     node deploy-hook.mjs dist/web.js web 1.4.0 default/web
// With default/web=3 the deployment is made, of three pods, when it is not there.
import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";

const [file, pack, version, ...targets] = process.argv.slice(2);
const { STARK_HOOK_URL: url, STARK_HOOK_SECRET: secret } = process.env;
if (!version || !url || !secret) {
  console.error("usage: STARK_HOOK_URL=… STARK_HOOK_SECRET=… node deploy-hook.mjs BUNDLE PACK VERSION [NAMESPACE/DEPLOYMENT[=REPLICAS]…]");
  process.exit(2);
}
const deployments = targets.map((target) => {
  const [, namespace, name, replicas] = /^([^/]*)\/([^=]*)(?:=(.*))?$/.exec(target) ?? [];
  return { namespace, name, create: replicas === undefined ? undefined : { replicas: Number(replicas) } };
});
const body = JSON.stringify({ pack, version, bundle: readFileSync(file, "utf8"), deployments });
const at = Math.floor(Date.now() / 1000);
const mac = createHmac("sha256", secret).update(`${at}.${body}`).digest("hex");
const response = await fetch(url, { method: "POST", headers: { "content-type": "application/json", "stark-signature": `t=${at},v1=${mac}` }, body });
console.log(await response.text());
process.exit(response.ok ? 0 : 1);
