/** The gates about the tool: whether it is listed, granted to the caller, and for where the tenant is. */

import { isFor } from "../evidence/access-token/subject.ts";
import type { Caller } from "../evidence/caller.ts";
import type { Reason } from "../reasons.ts";
import { fail, ok, type Result } from "../result.ts";
import { coversScope, type Scope } from "../tenant/schema/policy.ts";
import type { Policy, ToolGrant } from "../tenant/tenant.ts";
import type { Asked } from "./judge.ts";

/** Whether a tool that is called is listed, and granted to the caller. Of other messages nothing is asked here. */
export function checkTool({ tenant: { policy }, caller, tool, now }: Asked): Result<void, Reason> {
  if (tool === null) return ok(undefined);
  const scope = scopeOf(tool.name, policy);
  if (scope === null) return fail("policy.tool_unlisted");
  const named = policy.grants.filter((grant) => names(grant, caller, tool.name));
  if (named.length === 0) return fail("policy.tool_not_granted");
  const wide = named.filter((grant) => coversScope(grant.scope, scope));
  if (wide.length === 0) return fail("policy.scope_too_narrow");
  if (wide.some((grant) => stands(grant, now))) return ok(undefined);
  // Where one has ended and another was taken back, the one that was taken back would help.
  return fail(wide.some(({ revoked }) => revoked) ? "policy.grant_revoked" : "policy.grant_expired");
}

/** The grants that give a tool to a caller. */
export function standingGrants(
  { tenant: { policy }, caller, now }: Asked,
  tool: string,
): readonly ToolGrant[] {
  const scope = scopeOf(tool, policy);
  return policy.grants.filter(
    (grant) =>
      scope !== null && names(grant, caller, tool) && coversScope(grant.scope, scope) && stands(grant, now),
  );
}

const names = (grant: ToolGrant, caller: Caller | null, tool: string): boolean =>
  covers(grant, caller) && (grant.tools?.has(tool) ?? true);

const stands = ({ revoked, expires }: ToolGrant, now: number): boolean =>
  !revoked && (expires === null || now < expires);

/** How far a tool reaches; null where it cannot be called. */
export const scopeOf = (name: string, { tools, unsafeUnlistedTools }: Policy): Scope | null =>
  tools.get(name)?.scope ?? unsafeUnlistedTools;

function covers(grant: ToolGrant, caller: Caller | null): boolean {
  switch (caller?.kind) {
    case undefined:
      return false;
    case "agent":
      return grant.agents.has(caller.agent.name);
    case "token":
      return isFor(grant, caller.token);
  }
}

/** Whether the tool may be called where the tenant is. */
export function checkEnvironment({ tenant: { policy }, tool }: Asked): Result<void, Reason> {
  const tags = (tool && policy.tools.get(tool.name)?.environments) ?? null;
  const isHere = tags === null || [...tags].some((tag) => policy.environment.has(tag));
  return isHere ? ok(undefined) : fail("policy.environment");
}
