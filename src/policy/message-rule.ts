import type { Message } from "../mcp/message.ts";
import type { MessageRule } from "../tenant/schema/message-rule.ts";

type Request = Extract<Message, { kind: "request" }>;

/** The rule that decides about a request: the first that matches. Undefined where none does. */
export const ruleFor = <R extends MessageRule>(
  rules: readonly R[],
  { method, tool }: Pick<Request, "method" | "tool">,
): R | undefined =>
  rules.find(
    ({ methods, tools }) =>
      (methods === null || methods.has(method)) &&
      (tools === null || (tool !== null && tools.has(tool.name))),
  );
