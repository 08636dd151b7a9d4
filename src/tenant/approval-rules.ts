import { claims, type Found, type Path } from "./faults.ts";
import type { ShapedDocument } from "./schema/document.ts";

type PolicySection = ShapedDocument["policy"];

/** A call that nobody could approve, and a role that nobody has or that is meant in two ways. */
export function checkApproval(policy: PolicySection): readonly Found[] {
  const found: Found[] = [];
  const { approval } = policy;
  const claimRole = claims("role", found);
  for (const [i, { name, subjects, claim, values }] of (approval?.roles ?? []).entries()) {
    const at = ["policy", "approval", "roles", i];
    claimRole(name, [...at, "name"]);
    if (claim === undefined && values.length > 0)
      found.push({ at: [...at, "values"], problem: "are of no use without a claim" });
    if (claim !== undefined && values.length === 0)
      found.push({ at: [...at, "claim"], problem: "is of no use without values" });
    if (subjects.length + values.length === 0)
      found.push({ at, problem: "has neither subjects nor values of a claim: nobody would have it" });
  }
  const known = new Set(approval?.roles.map(({ name }) => name));
  for (const [at, roles] of askedIn(policy)) {
    if (approval === undefined) {
      found.push({ at, problem: "asks for an approval, and policy.approval does not say who gives it" });
      continue;
    }
    for (const [i, role] of roles.entries())
      if (!known.has(role))
        found.push({ at: [...at, "roles", i], problem: "is no role of policy.approval.roles" });
  }
  return found;
}

/** Where an approval is asked for, and from whom. */
const askedIn = ({ tools }: PolicySection): readonly (readonly [Path, readonly string[]])[] =>
  tools.flatMap(({ approval }, i) =>
    approval === undefined ? [] : [[["policy", "tools", i, "approval"], approval.roles] as const],
  );
