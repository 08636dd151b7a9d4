/** The section `observe` of a tenant document: what is only looked at, for a while, so that nobody is refused for it. */

import * as v from "valibot";
import { MAX_TENANT_LIST } from "../../limits.ts";
import { GATES, type Gate } from "../../policy/gate-names.ts";
import { fields, list, nonEmptyList, toolName } from "../fields.ts";
import { moment } from "./policy.ts";

export const observe = list(
  fields({
    until: moment("When it ends; from then on what is found is refused."),
    gates: v.optional(nonEmptyList(v.picklist(GATES), GATES.length, "The gates; all where absent.")),
    tools: v.optional(
      nonEmptyList(toolName, MAX_TENANT_LIST, "Calls of these tools; all messages where absent."),
    ),
  }),
  MAX_TENANT_LIST,
  "What is recorded as observed and passed on all the same where it would be refused.",
);

export interface ObserveRule {
  /** Milliseconds. */
  readonly until: number;
  /** Null for all. */
  readonly gates: ReadonlySet<Gate> | null;
  /** Null for all messages. */
  readonly tools: ReadonlySet<string> | null;
}

export const observePolicy = (section: v.InferOutput<typeof observe>): readonly ObserveRule[] =>
  section.map(({ until, gates, tools }) => ({
    until: Date.parse(until),
    gates: gates ? new Set(gates) : null,
    tools: tools ? new Set(tools) : null,
  }));
