/** Checks of the section `policy` across its fields, and with the callers of the document. What could never have an effect is a slip. */

import { claims, type Found, type Path } from "../faults.ts";
import type { ShapedDocument } from "../schema/document.ts";
import { coversScope, type PolicySection } from "../schema/policy.ts";

type Grant = PolicySection["grants"][number];

/** The roles that have to be there are checked where approvals are. */
export function checkPolicy({
  policy,
  agents,
  accessTokens,
}: Pick<ShapedDocument, "policy" | "agents" | "accessTokens">): readonly Found[] {
  const found: Found[] = [];
  const callers: Callers = {
    agents: new Set(agents.map(({ name }) => name)),
    issuers: new Set(accessTokens?.issuers.map(({ iss }) => iss)),
  };
  const claimTool = claims("tool", found);
  for (const [i, { name, environments }] of policy.tools.entries()) {
    const at = ["policy", "tools", i];
    claimTool(name, [...at, "name"]);
    if (environments !== undefined && policy.environment.length === 0) {
      found.push({ at: [...at, "environments"], problem: "can never match: policy.environment has no tag" });
    }
  }
  for (const [i, grant] of policy.grants.entries()) {
    found.push(...checkGrant(grant, ["policy", "grants", i], policy, callers));
  }
  found.push(...checkRules(policy));
  return found;
}

interface Callers {
  readonly agents: ReadonlySet<string>;
  readonly issuers: ReadonlySet<string>;
}

function checkGrant(grant: Grant, at: Path, policy: PolicySection, callers: Callers): readonly Found[] {
  const { agents, subjects, tools } = grant;
  const found: Found[] = [];
  if (agents.length + subjects.length === 0) {
    found.push({ at, problem: "covers nobody: it has no agents and no subjects" });
  }
  for (const [a, agent] of agents.entries()) {
    if (callers.agents.has(agent)) continue;
    found.push({ at: [...at, "agents", a], problem: "is not the name of an agent of this document" });
  }
  for (const [s, { issuer }] of subjects.entries()) {
    if (callers.issuers.has(issuer)) continue;
    found.push({
      at: [...at, "subjects", s, "issuer"],
      problem: "is not the iss of an issuer of accessTokens",
    });
  }
  const claimTool = claims("tool", found);
  for (const [t, name] of (tools ?? []).entries()) {
    const place = [...at, "tools", t];
    claimTool(name, place);
    const scope = scopeOf(name, policy);
    if (scope === null) found.push({ at: place, problem: NOT_LISTED });
    else if (!coversScope(grant.scope, scope)) {
      found.push({ at: place, problem: `is of scope ${scope}, wider than that of the grant` });
    }
  }
  const { unsafeUnlistedTools: others } = policy;
  const scopes = [...policy.tools.map(({ scope }) => scope), ...(others === undefined ? [] : [others])];
  if (tools === undefined && !scopes.some((scope) => coversScope(grant.scope, scope))) {
    found.push({ at, problem: "covers no tool: none that may be called is of its scope" });
  }
  return found;
}

function checkRules(policy: PolicySection): readonly Found[] {
  const found: Found[] = [];
  const listed = new Set(policy.tools.map(({ name }) => name));
  const claimName = claims("rule", found);
  for (const [i, rule] of policy.rules.entries()) {
    const at = ["policy", "rules", i];
    claimName(rule.name, [...at, "name"]);
    for (const [t, name] of (rule.tools ?? []).entries()) {
      // Also where tools that are not listed can be called: a slip in the name would leave out the one that is meant.
      if (!listed.has(name)) found.push({ at: [...at, "tools", t], problem: NOT_LISTED });
    }
    if ((rule.then === "approve") !== (rule.approval !== undefined)) {
      const problem =
        rule.then === "approve"
          ? "says approve, and not whose: add approval"
          : "says deny: leave approval out";
      found.push({ at: [...at, "then"], problem });
    }
    for (const asker of askersBeside(policy, i)) {
      if (rule.approval === undefined || rule.approval.roles.some((role) => asker.roles.includes(role)))
        continue;
      const problem = `has no role in common with ${asker.name}: nobody could approve a call that both are about`;
      found.push({ at: [...at, "approval", "roles"], problem });
    }
  }
  return found;
}

/** What else can ask for an approval of a call that a rule asks for one of; of two rules, once. */
function askersBeside({ tools, rules }: PolicySection, index: number) {
  const own = rules[index]?.tools;
  const isShared = (names: readonly string[] | undefined) =>
    own === undefined || names === undefined || names.some((name) => own.includes(name));
  return [
    ...tools.flatMap(({ name, approval }, i) =>
      approval !== undefined && isShared([name])
        ? [{ name: `policy.tools[${i}]`, roles: approval.roles }]
        : [],
    ),
    ...rules
      .slice(0, index)
      .flatMap(({ tools: names, approval }, i) =>
        approval !== undefined && isShared(names)
          ? [{ name: `policy.rules[${i}]`, roles: approval.roles }]
          : [],
      ),
  ];
}

const NOT_LISTED = "is not in policy.tools";

/** Null where the tool cannot be called. */
const scopeOf = (name: string, { tools, unsafeUnlistedTools }: PolicySection): Grant["scope"] | null =>
  tools.find((tool) => tool.name === name)?.scope ?? unsafeUnlistedTools ?? null;
