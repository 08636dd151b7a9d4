import { claims, type Found, type Path } from "../faults.ts";
import type { PolicySection } from "../schema/policy.ts";

type ApprovalSection = NonNullable<PolicySection["approval"]>;
type Ask = NonNullable<PolicySection["tools"][number]["approval"]>;

/** A call that nobody could approve, and a role that nobody has or that is meant in two ways. */
export function checkApproval(policy: PolicySection): readonly Found[] {
  const { approval } = policy;
  return [
    ...checkRoles(approval?.roles ?? []),
    ...askedIn(policy).flatMap(([at, ask]) =>
      approval === undefined
        ? [{ at, problem: "asks for an approval, and policy.approval does not say who gives it" }]
        : checkAsk(ask, at, approval),
    ),
  ];
}

function checkRoles(roles: ApprovalSection["roles"]): readonly Found[] {
  const found: Found[] = [];
  const claimRole = claims("role", found);
  for (const [i, { name, subjects, claim, values }] of roles.entries()) {
    const at = ["policy", "approval", "roles", i];
    claimRole(name, [...at, "name"]);
    if (claim === undefined && values.length > 0)
      found.push({ at: [...at, "values"], problem: "are of no use without a claim" });
    if (claim !== undefined && values.length === 0)
      found.push({ at: [...at, "claim"], problem: "is of no use without values" });
    if (subjects.length + values.length === 0)
      found.push({ at, problem: "has neither subjects nor values of a claim: nobody would have it" });
  }
  return found;
}

function checkAsk({ roles, people }: Ask, at: Path, { roles: all }: ApprovalSection): readonly Found[] {
  const known = new Set(all.map(({ name }) => name));
  const found: Found[] = roles.flatMap((role, i) =>
    known.has(role)
      ? []
      : [{ at: [...at, "roles", i], problem: "is not the name of a role of policy.approval" }],
  );
  const asked = all.filter(({ name }) => roles.includes(name));
  const named = new Set(asked.flatMap(({ subjects }) => subjects)).size;
  // Who has a claim only the identity provider knows.
  const isKnown = found.length === 0 && asked.every(({ claim }) => claim === undefined);
  if (isKnown && named < people)
    found.push({
      at: [...at, "people"],
      problem: `asks for ${people} people, and ${named} has one of its roles`,
    });
  return found;
}

/** Where an approval is asked for, and from whom. */
const askedIn = ({ tools, rules }: PolicySection): readonly (readonly [Path, Ask])[] =>
  Object.entries({ tools, rules }).flatMap(([section, all]) =>
    all.flatMap(({ approval }, i) =>
      approval === undefined ? [] : [[["policy", section, i, "approval"], approval] as const],
    ),
  );
