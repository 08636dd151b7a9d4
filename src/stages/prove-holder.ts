import type { VerifiedAccessToken } from "../evidence/access-token/verify.ts";
import type { CallerContext } from "../evidence/caller.ts";
import type { Received } from "../mcp/read.ts";
import type { Reason } from "../reasons.ts";
import { fail, type Result } from "../result.ts";
import type { Trail } from "../trail.ts";
import type { Proven } from "./prove-call.ts";

/** Whether the holder of an access token sends the call, and its scopes allow it. Stages 4 to 7. */
export async function proveHolder(
  _trail: Trail,
  _token: VerifiedAccessToken,
  _received: Received,
  _context: CallerContext,
  _env: Env,
): Promise<Result<Proven, Reason>> {
  return fail("bearer.access_token");
}
