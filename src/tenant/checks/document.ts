/** Checks of a tenant document that need several fields at once: URLs, action templates, evidence rules. */

import { MCP_METHODS } from "../../mcp/methods.ts";
import { OWN_PREFIX } from "../../policy/actions.ts";
import { claims, type Found, formatPath, type Path } from "../faults.ts";
import type { ShapedDocument } from "../schema/document.ts";
import { pathTenantUrl } from "../urls.ts";
import { trustDomainOf } from "../workload-identifier.ts";

/** The public URL must be one that can be served: on the gateway's own host there are path tenants only. */
export function checkPublicUrl(
  id: string,
  publicUrl: string | undefined,
  gatewayUrl: string,
): readonly Found[] {
  const gateway = URL.parse("/", gatewayUrl);
  if (gateway === null) return [{ at: [], problem: "cannot be served: GATEWAY_URL is not an absolute URL" }];
  if (publicUrl === undefined || URL.parse(publicUrl)?.host !== gateway.host) return [];
  const served = pathTenantUrl(gatewayUrl, id);
  return [
    { at: ["publicUrl"], problem: `is on the gateway's own host; leave it out to be served at ${served}` },
  ];
}

/**
 * Keeps actions injective. A tool's action is its prefix and the tool's name, any other method's is the session
 * prefix and the method. Tools whose action begins with the session prefix are refused at run time
 * (`message.tool_name_reserved`), so a tool can never be taken for a method: where the tool prefix begins the session
 * prefix, as in the default, this costs a few names. But where the session prefix begins the tool prefix (or equals
 * it), every tool would be refused. Extra methods must keep apart too, once / is written as a dot.
 */
export function checkActions({
  toolCall,
  session,
  extraMethods,
}: ShapedDocument["actions"]): readonly Found[] {
  const found: Found[] = [];
  const toolPrefix = toolCall.slice(0, -"{tool}".length);
  const sessionPrefix = session.slice(0, -"{method}".length);
  if (toolPrefix.startsWith(sessionPrefix)) {
    found.push({
      at: ["actions"],
      problem: `would refuse every tool: their prefix ${toolPrefix} begins with the session prefix ${sessionPrefix}`,
    });
  }
  for (const [template, prefix] of [
    ["toolCall", toolPrefix],
    ["session", sessionPrefix],
  ] as const) {
    if (prefix.startsWith(OWN_PREFIX))
      found.push({
        at: ["actions", template],
        problem: `would refuse everything: actions that begin with ${OWN_PREFIX} are Countersign's own`,
      });
  }
  const methodOf = new Map([...MCP_METHODS].map((method) => [inAction(method), `the MCP method ${method}`]));
  for (const [i, method] of extraMethods.entries()) {
    const at = ["actions", "extraMethods", i];
    const owner = methodOf.get(inAction(method));
    if (owner === undefined) methodOf.set(inAction(method), formatPath(at));
    else found.push({ at, problem: `has the same action as ${owner}` });
  }
  return found;
}

const inAction = (method: string): string => method.replaceAll("/", ".");

/** A workload of a trust domain without keys could never prove itself. */
export function checkWorkloads({
  agents,
  trustDomains,
}: Pick<ShapedDocument, "agents" | "trustDomains">): readonly Found[] {
  const known = new Set(trustDomains.map(({ domain }) => domain));
  return agents.flatMap(({ workload }, i) =>
    (workload?.subjects ?? []).flatMap((subject, s) => {
      const domain = trustDomainOf(subject);
      if (domain === null || known.has(domain)) return [];
      const at = ["agents", i, "workload", "subjects", s];
      return [{ at, problem: `is in the trust domain ${domain}, which is not in trustDomains` }];
    }),
  );
}

type EvidenceRules = ShapedDocument["evidence"];

export function checkEvidence(rules: EvidenceRules, extraMethods: readonly string[]): readonly Found[] {
  const nobody = "all of them carry mandate and signature, and no rule applies";
  const found = [...checkMatching(rules, ["evidence"], extraMethods, nobody)];
  for (const [i, rule] of rules.entries()) {
    if (rule.require.includes("attestation") && !isToolCallRule(rule)) {
      found.push({
        at: ["evidence", i, "require"],
        problem: 'asks for an attestation, which only tools/call can have: add "methods": ["tools/call"]',
      });
    }
  }
  return found;
}

/** Says for which messages a rule of a list is. The first that matches decides. */
interface MessageRule {
  readonly methods?: readonly string[] | undefined;
  readonly tools?: readonly string[] | undefined;
}

/**
 * A rule that cannot match is a mistake that would let a weaker rule decide.
 *
 * @param list where the rules stand
 * @param notifications why no rule is for a notification
 */
export function checkMatching(
  rules: readonly MessageRule[],
  list: Path,
  extraMethods: readonly string[],
  notifications: string,
): readonly Found[] {
  const known = new Set([...MCP_METHODS, ...extraMethods]);
  return rules.flatMap((rule, i) => {
    const found: Found[] = (rule.methods ?? []).flatMap((method, m) =>
      known.has(method)
        ? []
        : [
            {
              at: [...list, i, "methods", m],
              problem: "is not an MCP method, nor one of actions.extraMethods",
            },
          ],
    );
    if (rule.tools !== undefined && rule.methods?.includes("tools/call") === false) {
      found.push({ at: [...list, i, "tools"], problem: "never matches: methods is without tools/call" });
    }
    for (const [m, method] of (rule.methods ?? []).entries()) {
      if (!method.startsWith("notifications/")) continue;
      found.push({ at: [...list, i, "methods", m], problem: `is a notification: ${notifications}` });
    }
    const earlier = rules.slice(0, i).findIndex((other) => covers(other, rule));
    if (earlier >= 0) {
      const problem = `is never reached: ${formatPath([...list, earlier])} matches all of it`;
      found.push({ at: [...list, i], problem });
    }
    return found;
  });
}

const isToolCallRule = ({ methods, tools }: EvidenceRules[number]): boolean =>
  tools !== undefined || methods?.every((method) => method === "tools/call") === true;

/** Where agents sign mandates, one name must not stand for an issuer and an agent. */
export function checkDelegation({
  act,
  issuers,
  agents,
}: Pick<ShapedDocument, "act" | "issuers" | "agents">): readonly Found[] {
  if (act.delegation === undefined) return [];
  const subjects = new Map(
    agents.flatMap(({ subjects }, i) =>
      subjects.map((subject, s) => [subject, formatPath(["agents", i, "subjects", s])] as const),
    ),
  );
  return issuers.flatMap(({ iss }, i) => {
    const subject = subjects.get(iss);
    if (subject === undefined) return [];
    const problem = `is the same as ${subject}, which signs mandates too where act.delegation is set`;
    return [{ at: ["issuers", i, "iss"], problem }];
  });
}

/** Those who sign for others need something to sign with. */
export function checkSigners(
  owners: readonly { readonly keys: readonly unknown[]; readonly keySources: readonly unknown[] }[],
  list: "issuers" | "trustDomains",
): readonly Found[] {
  return owners.flatMap(({ keys, keySources }, i) =>
    keys.length + keySources.length === 0
      ? [{ at: [list, i], problem: "has no keys or keySources: nothing it signs could be verified" }]
      : [],
  );
}

/** Which of two entries for one tool is meant, nobody could tell. */
export function checkKept({ keep }: ShapedDocument["audit"]): readonly Found[] {
  const found: Found[] = [];
  const claimTool = claims("tool", found);
  for (const [i, { tool, arguments: pointers }] of keep.entries()) {
    const at = ["audit", "keep", i];
    claimTool(tool, [...at, "tool"]);
    const claimField = claims("field", found);
    for (const [p, pointer] of pointers.entries()) claimField(pointer, [...at, "arguments", p]);
  }
  return found;
}

/** What every caller would lack that the evidence rules demand: a document under which nobody could call. */
export function checkUsable({
  agents,
  attestationKeys,
  evidence,
  ect,
}: Pick<ShapedDocument, "agents" | "attestationKeys" | "evidence" | "ect">): readonly Found[] {
  const found: Found[] = [];
  const needsEct = evidence.some(({ require }) => require.includes("ect"));
  const attested = evidence.findIndex(({ require }) => require.includes("attestation"));
  if (attested >= 0 && attestationKeys.length === 0) {
    found.push({
      at: ["evidence", attested, "require"],
      problem: "asks for an attestation, and attestationKeys has no key to verify one with",
    });
  }
  if (ect.unsafeUnsigned && ect.level === 3) {
    found.push({ at: ["ect", "unsafeUnsigned"], problem: "takes level 1, and ect.level asks for 3" });
  }
  for (const [i, { subjects, ectIssuers, keys, keySources, workload }] of agents.entries()) {
    const at = ["agents", i];
    if (subjects.length === 0) found.push({ at, problem: "has no subjects: no mandate could be for it" });
    if (keys.length + keySources.length === 0 && workload === undefined) {
      found.push({ at, problem: "has no keys, keySources or workload: it could sign nothing" });
    }
    if (!needsEct) continue;
    if (ectIssuers?.length === 0) found.push({ at, problem: "has no ectIssuers: no ECT could be its own" });
    const algorithms = keys.map(({ jwk }) => ectAlgorithm(jwk));
    const canSign = algorithms.some((alg) => (ect.algorithms as readonly string[]).includes(alg));
    if (!ect.unsafeUnsigned && keys.length > 0 && keySources.length === 0 && !canSign) {
      const problem = `cannot sign ECTs: ect.algorithms has none of its keys' (${algorithms.join(", ")})`;
      found.push({ at: [...at, "keys"], problem });
    }
  }
  return found;
}

/** What an ECT by this key would be signed with; for a key that can sign none, what it is. */
function ectAlgorithm({ kty, crv }: Readonly<Record<string, unknown>>): string {
  if (kty === "OKP") return "EdDSA";
  return kty === "EC" && crv === "P-256" ? "ES256" : String(crv ?? kty);
}

/** Whether a rule matches everything that another one matches. */
function covers(rule: MessageRule, other: MessageRule): boolean {
  const otherMethods = other.tools === undefined ? other.methods : ["tools/call"];
  return includesAll(rule.methods, otherMethods) && includesAll(rule.tools, other.tools);
}

/** Absent means all. */
const includesAll = (all: readonly string[] | undefined, some: readonly string[] | undefined): boolean =>
  all === undefined || (some?.every((one) => all.includes(one)) ?? false);
