/** Says for which messages a rule of a tenant document is. Of a list of such rules the first that matches decides. */

import * as v from "valibot";
import { MAX_TENANT_LIST } from "../../limits.ts";
import { methodName, nonEmptyList, toolName } from "../fields.ts";

export const messageRuleFields = {
  methods: v.optional(
    nonEmptyList(
      methodName("MCP method."),
      MAX_TENANT_LIST,
      "MCP methods this rule is for; all where absent.",
    ),
  ),
  tools: v.optional(
    nonEmptyList(
      toolName,
      MAX_TENANT_LIST,
      "Tools this rule is for; all where absent. With it, the rule matches tools/call alone.",
    ),
  ),
};

export interface MessageRule {
  /** MCP methods; null for all. */
  readonly methods: ReadonlySet<string> | null;
  /** Tool names of `tools/call`; null for all. A rule with tools matches nothing else. */
  readonly tools: ReadonlySet<string> | null;
}

export const messageRule = ({
  methods,
  tools,
}: {
  readonly methods?: readonly string[] | undefined;
  readonly tools?: readonly string[] | undefined;
}): MessageRule => ({
  methods: methods ? new Set(methods) : null,
  tools: tools ? new Set(tools) : null,
});
