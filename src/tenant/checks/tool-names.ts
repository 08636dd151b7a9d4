/** Checks that what a tenant document says of tools outside its policy is of tools that there are. */

import type { Found, Path } from "../faults.ts";
import type { ShapedDocument } from "../schema/document.ts";

type Section = "evidence" | "accessTokens" | "audit" | "observe";

/**
 * A rule for a misspelt tool matches nothing, and a weaker one decides; so a tool that rules name is listed, also where others may be
 * called. What is kept and what is observed of a tool only narrows: where tools need not be listed, any may be named there.
 */
export function checkToolNames({
  policy,
  evidence,
  accessTokens,
  audit,
  observe,
}: Pick<ShapedDocument, Section | "policy">): readonly Found[] {
  const isOpen =
    policy.unsafeUnlistedTools !== undefined ||
    observe.some(({ gates }) => gates === undefined || gates.includes("tool"));
  const listed = new Set(policy.tools.map(({ name }) => name));
  const kept = audit.keep.map(({ tool }, i) => ({ name: tool, at: ["audit", "keep", i, "tool"] }));
  return [
    ...listsOf(evidence, ["evidence"]),
    ...listsOf(accessTokens?.scopes ?? [], ["accessTokens", "scopes"]),
    ...(isOpen ? [] : [...listsOf(observe, ["observe"]), ...kept]),
  ].flatMap(({ name, at }) => (listed.has(name) ? [] : [{ at, problem: "is not a tool of policy.tools" }]));
}

const listsOf = (
  rules: readonly { readonly tools?: readonly string[] | undefined }[],
  list: Path,
): readonly { readonly name: string; readonly at: Path }[] =>
  rules.flatMap(({ tools = [] }, i) => tools.map((name, t) => ({ name, at: [...list, i, "tools", t] })));
