/** The gates about the tool: whether it is listed, granted to the caller, and for where the tenant is. */

import type { Caller } from "../evidence/caller.ts";
import type { Reason } from "../reasons.ts";
import { fail, ok, type Result } from "../result.ts";
import { SCOPES, type Scope } from "../tenant/schema/policy.ts";
import type { Policy, ToolGrant } from "../tenant/tenant.ts";
import type { Asked } from "./judge.ts";

/** Whether a tool that is called is listed, and granted to the caller. Of other messages nothing is asked here. */
export function checkTool({ tenant: { policy }, caller, tool, now }: Asked): Result<void, Reason> {
  if (tool === null) return ok(undefined);
  const scope = scopeOf(tool.name, policy);
  if (scope === null) return fail("policy.tool_unlisted");
  const named = policy.grants.filter(
    (grant) => isFor(grant, caller) && (grant.tools?.has(tool.name) ?? true),
  );
  if (named.length === 0) return fail("policy.tool_not_granted");
  const wide = named.filter((grant) => SCOPES.indexOf(grant.scope) >= SCOPES.indexOf(scope));
  if (wide.length === 0) return fail("policy.scope_too_narrow");
  const standing = wide.filter(({ revoked }) => !revoked);
  if (standing.length === 0) return fail("policy.grant_revoked");
  return standing.some(({ expires }) => expires === null || now < expires)
    ? ok(undefined)
    : fail("policy.grant_expired");
}

/** How far a tool reaches; null where it cannot be called. */
const scopeOf = (name: string, { tools, unsafeUnlistedTools }: Policy): Scope | null =>
  tools.get(name)?.scope ?? unsafeUnlistedTools;

function isFor({ agents, subjects }: ToolGrant, caller: Caller | null): boolean {
  switch (caller?.kind) {
    case undefined:
      return false;
    case "agent":
      return agents.has(caller.agent.name);
    case "token": {
      const { iss, sub } = caller.token;
      return subjects.some(({ issuer, subject }) => issuer === iss && (subject === null || subject === sub));
    }
  }
}

/** Whether the tool may be called where the tenant is. */
export function checkEnvironment({ tenant: { policy }, tool }: Asked): Result<void, Reason> {
  const tags = (tool && policy.tools.get(tool.name)?.environments) ?? null;
  const isHere = tags === null || [...tags].some((tag) => policy.environment.has(tag));
  return isHere ? ok(undefined) : fail("policy.environment");
}
