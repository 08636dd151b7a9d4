/** What a tenant document says of limits: how many calls, and of what cost, in a time. */

import * as v from "valibot";
import { MAX_COST, MAX_LIMIT, MAX_LIMIT_RULES, MAX_LIMIT_WINDOW, MAX_TENANT_LIST } from "../../limits.ts";
import { fields, integer, list, nonEmptyList, toolName } from "../fields.ts";

export const toolCost = v.optional(integer(0, MAX_COST, "What a call of it costs, in units of your own."), 1);

/** Whose calls are counted together. */
export const LIMIT_OWNERS = ["mandate", "principal", "tool", "tenant"] as const;

export type LimitOwner = (typeof LIMIT_OWNERS)[number];

const limit = fields({
  per: v.pipe(
    v.picklist(LIMIT_OWNERS),
    v.description(
      "Whose calls are counted together: those under one mandate (or access token), of one principal, of one tool, or all.",
    ),
  ),
  tools: v.optional(
    nonEmptyList(toolName, MAX_TENANT_LIST, "The tools whose calls count; all where absent."),
  ),
  calls: v.optional(integer(1, MAX_LIMIT, "How many calls there may be.")),
  cost: v.optional(integer(1, MAX_LIMIT, "What they may cost together.")),
  windowSeconds: v.optional(
    integer(1, MAX_LIMIT_WINDOW, "In this time; absent, only per mandate: in its whole life."),
  ),
});

export const limits = list(limit, MAX_LIMIT_RULES, "How many calls of tools there may be, and of what cost.");

export interface LimitRule {
  readonly per: LimitOwner;
  readonly tools: ReadonlySet<string> | null;
  readonly calls: number | null;
  readonly cost: number | null;
  /** Seconds; null for the life of the mandate or access token. */
  readonly window: number | null;
}

export const limitsPolicy = (section: v.InferOutput<typeof limits>): readonly LimitRule[] =>
  section.map(({ per, tools, calls = null, cost = null, windowSeconds = null }) => ({
    per,
    tools: tools ? new Set(tools) : null,
    calls,
    cost,
    window: windowSeconds,
  }));
