/** The gate about the arguments of a call: what the mandate, the grants and the schema of the tool say of them, and the tenant's rules. */

import { permitsArguments } from "../evidence/act/constraints/arguments.ts";
import type { Reason } from "../reasons.ts";
import { fail, ok, type Result } from "../result.ts";
import type { Asked } from "./judge.ts";
import { standingGrants } from "./tool.ts";

/** Whether one of the grants that give the tool to the caller allows the arguments. Without a grant it is the gate before that refuses. */
export function checkGranted(asked: Asked): Result<void, Reason> {
  const { tool } = asked;
  const grants = tool === null ? [] : standingGrants(asked, tool.name);
  if (tool === null || grants.length === 0) return ok(undefined);
  const isAllowed = grants.some(
    ({ constraints }) => constraints === null || permitsArguments(constraints, tool.arguments),
  );
  return isAllowed ? ok(undefined) : fail("policy.argument_not_allowed");
}

/** Whether the arguments match the schema that the tenant gives for the tool. */
export function checkInput({ tenant: { policy }, tool }: Asked): Result<void, Reason> {
  const schema = tool && policy.tools.get(tool.name)?.inputSchema;
  return schema ? schema(tool.arguments) : ok(undefined);
}
