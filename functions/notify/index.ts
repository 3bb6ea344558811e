/** A database webhook on pods: tells somebody outside about pods that failed. See docs/functions.md. */
import { notify } from "./handler.ts";

Deno.serve(notify((name) => Deno.env.get(name), { resolve: (host, kind) => Deno.resolveDns(host, kind) }));
