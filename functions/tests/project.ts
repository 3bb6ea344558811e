/** A Supabase project as far as the functions ask it, in memory: what PostgREST, Auth and Storage answer. The real ones are asked in tests/e2e. */

export type Row = Record<string, unknown>;

export class Project {
  tables: Record<string, Row[]> = { packs: [], pods: [], deployments: [] };
  objects = new Map<string, string>();
  requests: { method: string; path: string; token: string; body: unknown }[] = [];
  logins = 0;
  /** Looks at each request first; what it returns is the answer. */
  before: ((method: string, path: string, body: Row | undefined) => Response | undefined) | undefined;
  readonly #real = globalThis.fetch;

  readonly env = (name: string): string | undefined => ({
    SUPABASE_URL: "http://project.test",
    SUPABASE_ANON_KEY: "anon-key",
    STARK_HOOK_SECRET: "a secret of the hook",
    STARK_HOOK_EMAIL: "ci@example.com",
    STARK_HOOK_PASSWORD: "correct horse",
  }[name]);

  /** Answers every fetch while `work` goes on. */
  async during(work: () => Promise<void>): Promise<void> {
    globalThis.fetch = (input, init) => this.#answer(new Request(input, init));
    try {
      await work();
    } finally {
      globalThis.fetch = this.#real;
    }
  }

  async #answer(request: Request): Promise<Response> {
    const url = new URL(request.url);
    const type = request.headers.get("content-type") ?? "";
    const body = type.startsWith("application/json") ? await request.json() : request.body === null ? undefined : await request.text();
    const token = (request.headers.get("authorization") ?? "").replace("Bearer ", "");
    this.requests.push({ method: request.method, path: url.pathname, token, body });
    const first = this.before?.(request.method, url.pathname, body as Row | undefined);
    if (first) return first;
    const [, service, , ...rest] = url.pathname.split("/");
    if (service === "auth") return this.#login(body as Row);
    if (service === "storage") return this.#upload(url.pathname.split("/object/packs/")[1]!, body as string);
    return this.#rest(request, rest[0]!, url.searchParams, body as Row | undefined);
  }

  #login({ email, password }: Row): Response {
    this.logins++;
    if (email !== "ci@example.com" || password !== "correct horse") {
      return Response.json({ code: 400, error_code: "invalid_credentials", msg: "no" }, { status: 400 });
    }
    const user = { id: "8d2a3c1e-4b5f-4c6d-8e7f-9a0b1c2d3e4f", aud: "authenticated", email };
    return Response.json({ access_token: "ci-token", refresh_token: "r", token_type: "bearer", expires_in: 3600, expires_at: 1_800_003_600, user });
  }

  #upload(path: string, code: string): Response {
    if (this.objects.has(path)) {
      return Response.json({ statusCode: "409", error: "Duplicate", message: "The resource already exists" }, { status: 400 });
    }
    this.objects.set(path, code);
    return Response.json({ Key: path });
  }

  #rest(request: Request, table: string, query: URLSearchParams, body: Row | undefined): Response {
    const filters = [...query].filter(([key]) => !["select", "columns", "limit"].includes(key));
    let rows = this.tables[table]!.filter((row) => filters.every(([key, value]) => `eq.${row[key]}` === value));
    if (request.method === "POST") {
      rows = [{ id: crypto.randomUUID(), ...body }];
      this.tables[table]!.push(rows[0]!);
    } else if (request.method === "PATCH") {
      for (const row of rows) Object.assign(row, body, { revision: Number(row.revision ?? 1) + 1 });
    }
    const one = request.headers.get("accept")?.includes("vnd.pgrst.object");
    if (one && rows.length !== 1) {
      return Response.json({ code: "PGRST116", details: `The result contains ${rows.length} rows`, message: "not one" }, { status: 406 });
    }
    return Response.json(one ? rows[0] : rows, { status: request.method === "POST" ? 201 : 200 });
  }
}
