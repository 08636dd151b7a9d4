/** Checks of a tenant document that need several fields at once: URLs, action templates, evidence rules. */

import { MCP_METHODS } from "../mcp/methods.ts";
import { type Found, formatPath } from "./faults.ts";
import type { ShapedDocument } from "./schema/document.ts";
import { pathTenantUrl } from "./urls.ts";

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

type EvidenceRules = ShapedDocument["evidence"];

/** A rule that cannot match is a mistake that would let a weaker rule decide. */
export function checkEvidence(rules: EvidenceRules, extraMethods: readonly string[]): readonly Found[] {
  const known = new Set([...MCP_METHODS, ...extraMethods]);
  return rules.flatMap((rule, i) => {
    const found: Found[] = (rule.methods ?? []).flatMap((method, m) =>
      known.has(method)
        ? []
        : [
            {
              at: ["evidence", i, "methods", m],
              problem: "is not an MCP method, nor one of actions.extraMethods",
            },
          ],
    );
    if (rule.tools !== undefined && rule.methods?.includes("tools/call") === false) {
      found.push({ at: ["evidence", i, "tools"], problem: "never matches: methods is without tools/call" });
    }
    for (const [m, method] of (rule.methods ?? []).entries()) {
      if (!method.startsWith("notifications/")) continue;
      found.push({
        at: ["evidence", i, "methods", m],
        problem: "is a notification: all of them carry mandate and signature, and no rule applies",
      });
    }
    if (rule.require.includes("attestation") && !isToolCallRule(rule)) {
      found.push({
        at: ["evidence", i, "require"],
        problem: 'asks for an attestation, which only tools/call can have: add "methods": ["tools/call"]',
      });
    }
    const earlier = rules.slice(0, i).findIndex((other) => covers(other, rule));
    if (earlier >= 0) {
      found.push({
        at: ["evidence", i],
        problem: `is never reached: evidence[${earlier}] matches all of it`,
      });
    }
    return found;
  });
}

const isToolCallRule = ({ methods, tools }: EvidenceRules[number]): boolean =>
  tools !== undefined || methods?.every((method) => method === "tools/call") === true;

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
  for (const [i, { subjects, ectIssuers, keys }] of agents.entries()) {
    const at = ["agents", i];
    if (subjects.length === 0) found.push({ at, problem: "has no subjects: no mandate could be for it" });
    if (!needsEct) continue;
    if (ectIssuers?.length === 0) found.push({ at, problem: "has no ectIssuers: no ECT could be its own" });
    const algorithms = keys.map(({ jwk }) => (jwk.kty === "OKP" ? "EdDSA" : "ES256"));
    if (keys.length > 0 && !algorithms.some((alg) => ect.algorithms.includes(alg))) {
      const problem = `cannot sign ECTs: ect.algorithms has none of its keys' (${algorithms.join(", ")})`;
      found.push({ at: [...at, "keys"], problem });
    }
  }
  return found;
}

/** Whether a rule matches everything that another one matches. */
function covers(rule: EvidenceRules[number], other: EvidenceRules[number]): boolean {
  const otherMethods = other.tools === undefined ? other.methods : ["tools/call"];
  return includesAll(rule.methods, otherMethods) && includesAll(rule.tools, other.tools);
}

/** Absent means all. */
const includesAll = (all: readonly string[] | undefined, some: readonly string[] | undefined): boolean =>
  all === undefined || (some?.every((one) => all.includes(one)) ?? false);
