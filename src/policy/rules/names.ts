/** Names that stand in a condition: one that nothing has makes the condition never true, and the rule is for nothing. */

import { SCOPES } from "../../tenant/schema/policy.ts";
import { isNode, type Node } from "./cost.ts";

/** What calls can have, of what a document names. */
export interface KnownNames {
  /** Of the tools that the rule is for. */
  readonly tools: ReadonlySet<string>;
  readonly agents: ReadonlySet<string>;
  /** Of the tenant and of its tools. */
  readonly tags: ReadonlySet<string>;
}

const KINDS: ReadonlySet<string> = new Set(["agent", "token", "unknown"]);

/** By what is compared, as it is written: whether a call can have a name there. Where there is none it is empty. */
const PLACES: Readonly<Record<string, (name: string, known: KnownNames) => boolean>> = {
  "principal.kind": (name) => KINDS.has(name),
  "principal.agent": (name, { agents }) => name === "" || agents.has(name),
  "principal.id": (id, { agents }) =>
    id === "" ||
    id.startsWith("oauth:") ||
    (id.startsWith("agent:") && agents.has(id.slice("agent:".length))),
  "tool.name": (name, { tools }) => tools.has(name),
  "tool.scope": (name) => (SCOPES as readonly string[]).includes(name),
  "tool.environments": (name, { tags }) => tags.has(name),
  environment: (name, { tags }) => tags.has(name),
};

const COMPARISONS = ["==", "!=", "in"];

/** What is wrong with the names that a condition compares with, to stand after its path; null where nothing is. */
export function unknownName(node: Node, known: KnownNames): string | null {
  const parts = [node.args].flat(2).filter(isNode);
  if (COMPARISONS.includes(node.op)) {
    for (const [place, other] of [parts, parts.toReversed()].map(([a, b]) => [a && written(a), b] as const)) {
      if (typeof place !== "string" || !Object.hasOwn(PLACES, place) || other === undefined) continue;
      const name = textsIn(other).find((text) => PLACES[place]?.(text, known) === false);
      if (name !== undefined)
        return `compares ${place} with ${JSON.stringify(name)}, which no call has there`;
    }
  }
  for (const part of parts) {
    const problem = unknownName(part, known);
    if (problem !== null) return problem;
  }
  return null;
}

/** A variable or a member of one, `principal["agent"]` as `principal.agent`; null for anything else. */
function written({ op, args }: Node): string | null {
  if (op === "id") return String(args);
  if (op !== "." && op !== "[]") return null;
  const [from, member] = args as readonly [Node, string | Node];
  const name = typeof member === "string" ? member : member.op === "value" ? member.args : null;
  return from.op === "id" && typeof name === "string" ? `${String(from.args)}.${name}` : null;
}

/** A text that is written out, or those of a list. */
function textsIn({ op, args }: Node): readonly string[] {
  if (op === "value") return typeof args === "string" ? [args] : [];
  return op === "list" ? (args as readonly Node[]).flatMap(textsIn) : [];
}
