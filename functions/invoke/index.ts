/** POST with a user's token: runs a pack once and answers with its result. See docs/functions.md. */
import { invoke } from "./handler.ts";

Deno.serve(invoke((name) => Deno.env.get(name)));
