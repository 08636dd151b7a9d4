import type { Message } from "../mcp/message.ts";
import type { AccessTokenPolicy } from "../tenant/tenant.ts";
import { ruleFor } from "./message-rule.ts";

/**
 * The scopes that an access token needs for a message, all of them; null where no rule is for it, which means refusal. Messages that are
 * no requests come in the train of one: for them it is enough that the token could make any.
 *
 * @param held the scopes of the token
 */
export function neededScopes(
  message: Message,
  { scopes }: AccessTokenPolicy,
  held: ReadonlySet<string>,
): readonly string[] | null {
  if (message.kind !== "request") {
    const met = scopes.find(({ require }) => isEnough(held, require));
    return (met ?? scopes.at(-1))?.require ?? null;
  }
  const rule = ruleFor(scopes, message);
  return rule?.require ?? null;
}

export const isEnough = (held: ReadonlySet<string>, needed: readonly string[]): boolean =>
  needed.every((scope) => held.has(scope));
