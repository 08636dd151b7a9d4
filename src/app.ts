import { respondToPerson } from "./approval/respond.ts";
import { answerVisit } from "./endpoints/answer.ts";
import { methodsOf } from "./endpoints/endpoint.ts";
import { publishedResponse } from "./endpoints/published.ts";
import { gate } from "./gate.ts";
import { preflight } from "./mcp/cors.ts";
import { metadataResponse } from "./oauth/resource-metadata.ts";
import { relay } from "./relay.ts";
import { finish, refuse } from "./respond.ts";
import type { Tenant } from "./tenant/tenant.ts";
import { newTrail, type Trail } from "./trail.ts";

/**
 * Answers a request. Every path and method goes through the gate: which of them exist is for the tenant documents to say, so that there is
 * nothing for a router to do.
 */
export async function handle(request: Request, env: Env, ctx: ExecutionContext): Promise<Response> {
  const trail = newTrail(Date.now());
  try {
    return await finish(await answer(request, trail, env, ctx), trail, request.method, env);
  } catch (error) {
    // Not even a refusal could be made.
    logBug(error, trail);
    return new Response(null, { status: 500 });
  }
}

function logBug(error: unknown, { decision }: Trail): void {
  const stack = error instanceof Error ? error.stack : String(error);
  console.error(JSON.stringify({ event: "internal.error", decision, stack }));
}

/** An exception is a bug: it is logged, refused, and nothing more is done. */
async function answer(request: Request, trail: Trail, env: Env, ctx: ExecutionContext): Promise<Response> {
  try {
    const passed = await gate(request, env, trail);
    if (!passed.ok) return await refuse(trail, passed.error, env, ctx);
    const passage = passed.value;
    switch (passage.kind) {
      case "preflight":
        return preflight(passage.facts.headers, methodsOf(passage.endpoint), headersNamedBy(passage.tenant));
      case "metadata":
        return await metadataResponse(passage.facts.method, passage.tenant);
      case "published": {
        const published = await publishedResponse(passage.facts, passage.tenant, env);
        return published.ok ? published.value : await refuse(trail, published.error, env, ctx);
      }
      case "people": {
        const page = await respondToPerson(passage, trail, env);
        return page.ok ? page.value : await refuse(trail, page.error, env, ctx);
      }
      case "visit":
        return await answerVisit(passage, trail, env, ctx);
      case "call":
        return await relay(passage, trail, env, ctx);
    }
  } catch (error) {
    logBug(error, trail);
    return await refuse(trail, "internal.error", env, ctx);
  }
}

/** The request headers that a tenant adds to those that all take. */
const headersNamedBy = ({ origin, accessTokens }: Tenant): readonly string[] => [
  ...origin.forwardHeaders,
  ...(accessTokens?.tenantClaim ? [accessTokens.tenantClaim.header] : []),
];
