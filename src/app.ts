import { Hono } from "hono";
import { gate } from "./gate.ts";
import { preflight } from "./mcp/cors.ts";
import { metadataResponse } from "./oauth/resource-metadata.ts";
import { relay } from "./relay.ts";
import { finish, refuse } from "./respond.ts";
import { newTrail, type Trail } from "./trail.ts";

/** Every path and method goes through the gate: which of them exist is for the tenant documents to say. */
export const app = new Hono<{ Bindings: Env }>();

app.all("*", async (c) => {
  const trail = newTrail(Date.now());
  const answered = await answer(c.req.raw, trail, c.env, c.executionCtx as ExecutionContext);
  return finish(answered, trail, c.req.method, c.env);
});

/** An exception is a bug: it is logged, refused, and nothing more is done. */
async function answer(request: Request, trail: Trail, env: Env, ctx: ExecutionContext): Promise<Response> {
  try {
    const passed = await gate(request, env, trail);
    if (!passed.ok) return await refuse(trail, passed.error, env, ctx);
    const passage = passed.value;
    switch (passage.kind) {
      case "preflight":
        return preflight(passage.facts.headers, passage.tenant.origin.forwardHeaders);
      case "metadata":
        return metadataResponse(passage.facts.method, passage.tenant);
      case "call":
        return await relay(passage, trail, env, ctx);
    }
  } catch (error) {
    const stack = error instanceof Error ? error.stack : String(error);
    console.error(JSON.stringify({ event: "internal.error", decision: trail.decision, stack }));
    return await refuse(trail, "internal.error", env, ctx);
  }
}
