/** Chains of delegated mandates (docs/act.md, "Delegation"), honest but for what a case changes. */

import { type Call, makeCall, mandateOf, type Target } from "./call.ts";
import type { Draft, Sent } from "./case.ts";
import { type Changes, makeToken, type TokenChanges } from "./tokens.ts";

/** Who can hand a mandate on, and to whom. */
const SUBJECTS = { ada: "agent:ada", bob: "agent:bob" } as const;

type Name = keyof typeof SUBJECTS;

/** One mandate of a chain. */
export interface Link extends TokenChanges {
  /** Whom it is for. */
  readonly to: Name;
  /** Changes of `del`. */
  readonly del?: Changes;
}

/** Most delegations that the mandates of a chain allow. */
export const MAX_DEPTH = 3;

/** The mandates of a chain, from the root: `mandate-1`, `mandate-2` and so on. Each link is signed by whom the one before is for. */
export async function makeChain(
  target: Target,
  [root, ...links]: readonly Link[],
): Promise<readonly string[]> {
  if (root === undefined) throw new Error("a chain begins with a root");
  const del = { depth: 0, max_depth: MAX_DEPTH, ...root.del };
  const chain = [await mandateOf(target, SUBJECTS[root.to], { ...root, claims: { del, ...root.claims } })];
  let from = root.to;
  for (const [i, link] of links.entries()) {
    const claims = {
      iss: SUBJECTS[from],
      sub: SUBJECTS[link.to],
      aud: target.url,
      iat: target.begun,
      exp: target.begun + 900,
      jti: `mandate-${i + 2}`,
      task: { purpose: "A part of it" },
      cap: [{ action: "mcp.search" }],
      del: { depth: i + 1, max_depth: MAX_DEPTH, parent: chain.at(-1), ...link.del },
    };
    chain.push(await makeToken("act+jwt", from, claims, link));
    from = link.to;
  }
  return chain;
}

/** A call under the last mandate of a chain, by the agent that it is for. */
export const under =
  (links: readonly Link[], call: Call = {}): Sent =>
  async (target) => {
    const token = (await makeChain(target, links)).at(-1) ?? "";
    return makeCall(target, {
      agent: links.at(-1)?.to ?? "ada",
      ...call,
      mandate: { ...call.mandate, token: () => token },
      ect: { claims: { pred: [`mandate-${links.length}`] } },
    });
  };

/** Turns delegation on. */
export const delegating =
  (maxDepth = MAX_DEPTH) =>
  (document: Draft): void => {
    document.act = { delegation: { maxDepth } };
  };
