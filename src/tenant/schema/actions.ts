/** The section `actions` of a tenant document: what mandates and ECTs call a method or tool. */

import * as v from "valibot";
import { MAX_TENANT_LIST } from "../../limits.ts";
import { fields, list, methodName, text } from "../fields.ts";

export const actions = v.pipe(
  fields({
    toolCall: v.optional(
      text(
        /^[!-)+-z|~]{1,128}\{tool\}$/,
        "must be a prefix of printable ASCII without *, { and }, then {tool}",
        "Action of a tool call.",
      ),
      "mcp.{tool}",
    ),
    session: v.optional(
      text(
        /^[!-)+-z|~]{1,128}\{method\}$/,
        "must be a prefix of printable ASCII without *, { and }, then {method}",
        "Action of every other method, with / written as a dot. Tools whose action begins like it are refused.",
      ),
      "mcp.session.{method}",
    ),
    extraMethods: v.optional(
      list(
        methodName("JSON-RPC method."),
        MAX_TENANT_LIST,
        "Methods beyond those of MCP, such as an extension's.",
      ),
      [],
    ),
  }),
  v.description("How the action is derived that a mandate must grant and an ECT must name."),
);

export interface ActionTemplates {
  /** With `{tool}` once, at its end. */
  readonly toolCall: string;
  /** With `{method}` once, at its end. */
  readonly session: string;
  /** MCP methods beyond the fixed table, such as those of extensions. */
  readonly extraMethods: ReadonlySet<string>;
}

export const actionsPolicy = ({
  extraMethods,
  ...templates
}: v.InferOutput<typeof actions>): ActionTemplates => ({
  ...templates,
  extraMethods: new Set(extraMethods),
});
