/** Checks of a tenant document that need several fields at once: URLs, action templates, evidence rules. */

import { MCP_METHODS } from "../mcp/methods.ts";
import { type Found, formatPath } from "./faults.ts";
import type { ShapedDocument } from "./schema.ts";
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

/** Whether a rule matches everything that another one matches. */
function covers(rule: EvidenceRules[number], other: EvidenceRules[number]): boolean {
  const otherMethods = other.tools === undefined ? other.methods : ["tools/call"];
  return includesAll(rule.methods, otherMethods) && includesAll(rule.tools, other.tools);
}

/** Absent means all. */
const includesAll = (all: readonly string[] | undefined, some: readonly string[] | undefined): boolean =>
  all === undefined || (some?.every((one) => all.includes(one)) ?? false);
