/** POST, signed: a bundle from CI becomes a pack version, and deployments move to it. See docs/functions.md. */
import { deployHook } from "./handler.ts";

Deno.serve(deployHook((name) => Deno.env.get(name)));
