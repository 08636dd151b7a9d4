import { Hono } from "hono";
import { gate, type Passage } from "./gate.ts";
import { preflight } from "./mcp/cors.ts";
import type { Reason } from "./reasons.ts";
import { finish, refuse, relay } from "./respond.ts";
import { fail, type Result } from "./result.ts";
import { newTrail, type Trail } from "./trail.ts";

/** Every path and method goes through the gate: which of them exist is for the tenant documents to say. */
export const app = new Hono<{ Bindings: Env }>();

app.all("*", async (c) => {
  const trail = newTrail(Date.now());
  return finish(await answer(c.req.raw, trail, c.env, c.executionCtx as ExecutionContext), trail);
});

async function answer(request: Request, trail: Trail, env: Env, ctx: ExecutionContext): Promise<Response> {
  const passed = await guarded(trail, () => gate(request, env, trail));
  if (!passed.ok) return refuse(trail, passed.error, env, ctx);
  const passage: Passage = passed.value;
  switch (passage.kind) {
    case "preflight":
      return preflight(passage.facts.headers);
    case "call":
      return relay(passage, trail, env, ctx);
  }
}

/** An exception is a bug: it is logged, refused, and never forwarded. */
async function guarded<T>(trail: Trail, work: () => Promise<Result<T, Reason>>): Promise<Result<T, Reason>> {
  try {
    return await work();
  } catch (error) {
    const stack = error instanceof Error ? error.stack : String(error);
    console.error(JSON.stringify({ event: "internal.error", decision: trail.decision, stack }));
    return fail("internal.error");
  }
}
