/** What the cases of delegation have in common. */

import { makeCall, type Target } from "../../make/call.ts";
import { admitted, type CaseOptions, type CaseSource, denied, type Sent } from "../../make/case.ts";
import { delegating, type Link, makeChain, under } from "../../make/delegation.ts";

export const RULE = "Countersign docs/act.md, Delegation";
export const ON: CaseOptions = { change: delegating() };

export const ADA: Link = { to: "ada" };
export const BOB: Link = { to: "bob" };
export const ada = (changes: Omit<Link, "to">): Link => ({ ...ADA, ...changes });
export const bob = (changes: Omit<Link, "to">): Link => ({ ...BOB, ...changes });

export const taken = (id: string, title: string, links: readonly Link[], options = ON): CaseSource =>
  admitted(id, title, RULE, under(links), options);

export const refused = (
  id: string,
  reason: string,
  title: string,
  links: readonly Link[],
  options = ON,
): CaseSource => denied(id, reason, title, RULE, under(links), options);

/** bob calls under a mandate that is made by hand. */
export const underOwn =
  (make: (target: Target) => Promise<string>, agent: "ada" | "bob" = "bob"): Sent =>
  async (target) => {
    const token = await make(target);
    return makeCall(target, {
      agent,
      mandate: { token: () => token },
      ect: { claims: { pred: ["mandate-2"] } },
    });
  };

/** The parent in `del` is something else. */
export const parented = (parent: (root: string, target: Target) => unknown): Sent =>
  underOwn(async (target) => {
    const [root = ""] = await makeChain(target, [ADA]);
    const chain = await makeChain(target, [ADA, bob({ del: { parent: await parent(root, target) } })]);
    return chain.at(-1) ?? "";
  });
