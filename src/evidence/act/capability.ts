import { isObject, type JsonObject, type JsonValue } from "../../json/strict-json.ts";
import { MAX_CAPABILITIES, MAX_PATTERN_WORK } from "../../limits.ts";
import type { Reason } from "../../reasons.ts";
import { fail, ok, type Result } from "../../result.ts";
import { readIdentifier } from "../claims.ts";
import { type Constraints, narrows, readConstraints, UNCONSTRAINED } from "./constraints/constraints.ts";

/** One entry of `cap`: an action the agent may take. */
export interface Capability {
  readonly action: string;
  /** Null where one of them cannot be evaluated here: such an entry allows nothing. */
  readonly constraints: Constraints | null;
}

export function readCapabilities(value: JsonValue | undefined): Result<readonly Capability[], Reason> {
  if (!Array.isArray(value) || value.length === 0 || value.length > MAX_CAPABILITIES) {
    return fail("act.claims");
  }
  const read: Capability[] = [];
  for (const entry of value as readonly JsonValue[]) {
    const action = isObject(entry) ? readIdentifier(entry.action) : null;
    if (!isObject(entry) || action === null) return fail("act.claims");
    const constraints = constraintsOf(entry);
    if (constraints === null) return fail("act.constraint_malformed");
    read.push({ action, constraints: constraints === "unknown" ? null : constraints });
  }
  const work = read.reduce((sum, { constraints }) => sum + (constraints?.arguments?.work ?? 0), 0);
  return work > MAX_PATTERN_WORK ? fail("act.constraint_malformed") : ok(read);
}

/** A member we do not know counts as a constraint: it may be one, misspelt or newer than we are. */
function constraintsOf({
  action: _,
  constraints,
  ...unknown
}: JsonObject): ReturnType<typeof readConstraints> {
  const read = constraints === undefined ? UNCONSTRAINED : readConstraints(constraints);
  return read === null || Object.keys(unknown).length === 0 ? read : "unknown";
}

/** Whether what the child allows is allowed by some entry of the parent's `cap`. */
export const isCovered = (child: Capability, parents: readonly Capability[]): boolean =>
  parents.some(
    ({ action, constraints }) =>
      action === child.action &&
      constraints !== null &&
      child.constraints !== null &&
      narrows(child.constraints, constraints),
  );
