import { admitted, type CaseSource, denied, refused, sent } from "../../make/case.ts";
import { ARGUMENTS, granting, PAGE } from "./changes.ts";

const CALLS = `${PAGE}, Number of calls`;
const ONCE = granting({ max_calls: 1 });

/** A mandate that is refused whole, because a constraint has not got its form. */
const malformed = (id: string, title: string, constraints: unknown): CaseSource =>
  denied(`malformed-${id}`, "act.constraint_malformed", title, PAGE, granting(constraints));

export const entriesCases: readonly CaseSource[] = [
  // -- several entries, and other methods -------------------------------------------------------------
  admitted("alternative", "Of two entries one fits", ARGUMENTS, {
    ...granting(
      { arguments: { "/query": { equals: "moon" } } },
      { arguments: { "/query": { equals: "tides" } } },
    ),
  }),
  denied("parts", "capability.argument_not_allowed", "Two entries do not add up", ARGUMENTS, {
    ...granting({ arguments: { "/query": {} } }, { arguments: { "/limit": {} } }),
    arguments: { query: "tides", limit: 9 },
  }),
  denied(
    "no-tool-call",
    "capability.argument_not_allowed",
    "A method without arguments, under a constraint on arguments",
    ARGUMENTS,
    {
      rpc: { id: 1, method: "resources/read", params: { uri: "file:///x" } },
      mandate: {
        claims: { cap: [{ action: "mcp.session.resources.read", constraints: { arguments: {} } }] },
      },
    },
  ),
  denied(
    "kind-unknown",
    "capability.constraint_unknown",
    "A kind of constraint that nobody can evaluate",
    ARGUMENTS,
    granting({ arguments: { "/query": { like: "tides" } } }),
  ),
  admitted("kind-unknown-alternative", "Beside it an entry that can be evaluated", ARGUMENTS, {
    ...granting({ arguments: { "/query": { like: "tides" } } }, { arguments: { "/query": {} } }),
  }),

  // -- number of calls ----------------------------------------------------------------------------------
  admitted("calls", "The second of two calls", CALLS, granting({ max_calls: 2 }), {
    before: [sent(granting({ max_calls: 2 }))],
  }),
  denied("calls-exhausted", "capability.calls_exhausted", "The second of one", CALLS, ONCE, {
    before: [sent(ONCE)],
  }),
  admitted("calls-denied", "A call that was denied does not count", CALLS, ONCE, {
    before: [refused("capability.missing", { ...ONCE, tool: "delete" })],
  }),
  denied(
    "calls-other-arguments",
    "capability.calls_exhausted",
    "Other arguments are another call under the same entry",
    CALLS,
    { ...ONCE, arguments: { query: "moon" } },
    { before: [sent(ONCE)] },
  ),
  admitted(
    "calls-other-entry",
    "Every entry has a count of its own",
    CALLS,
    {
      ...granting(
        { arguments: { "/query": { equals: "moon" } }, max_calls: 1 },
        { arguments: { "/query": { equals: "tides" } }, max_calls: 1 },
      ),
    },
    {
      before: [
        sent({
          ...granting(
            { arguments: { "/query": { equals: "moon" } }, max_calls: 1 },
            { arguments: { "/query": { equals: "tides" } }, max_calls: 1 },
          ),
          arguments: { query: "moon" },
        }),
      ],
    },
  ),
  admitted(
    "calls-uncounted",
    "An entry that is not counted is taken before one that is",
    CALLS,
    granting({ max_calls: 1 }, {}),
    { before: [sent(granting({ max_calls: 1 }, {}))] },
  ),

  // -- malformed ------------------------------------------------------------------------------------------
  malformed("null", "constraints is null", null),
  malformed("list", "constraints is a list", []),
  malformed("arguments-list", "arguments is a list", { arguments: [] }),
  malformed("arguments-null", "arguments is null", { arguments: null }),
  malformed("path-name", "A path without its slash", { arguments: { query: {} } }),
  malformed("path-empty", "An empty path", { arguments: { "": {} } }),
  malformed("path-escape", "A path with ~2", { arguments: { "/a~2b": {} } }),
  malformed("rule", "A value in the place of a rule", { arguments: { "/query": "tides" } }),
  malformed("in-empty", "in without values", { arguments: { "/query": { in: [] } } }),
  malformed("minimum-text", "minimum is text", { arguments: { "/limit": { minimum: "1" } } }),
  malformed("prefix-number", "prefix is a number", { arguments: { "/query": { prefix: 1 } } }),
  malformed("presence", "presence is none of the three", {
    arguments: { "/query": { presence: "never" } },
  }),
  malformed("forbidden-value", "presence forbidden, with a value", {
    arguments: { "/query": { presence: "forbidden", equals: 1 } },
  }),
  malformed("pattern-group", "A pattern with a group", { arguments: { "/query": { pattern: "(a+)+b" } } }),
  malformed("pattern-alternative", "A pattern with an alternative", {
    arguments: { "/query": { pattern: "a|b" } },
  }),
  malformed("pattern-anchor", "A pattern with an anchor", { arguments: { "/query": { pattern: "^a$" } } }),
  malformed("pattern-category", "A pattern with \\d", { arguments: { "/query": { pattern: "\\d+" } } }),
  malformed("pattern-size", "A pattern that repeats 257 times", {
    arguments: { "/query": { pattern: "a{257}" } },
  }),
  malformed("additional", "additional is null", { additional: null }),
  malformed("max-calls-zero", "max_calls is 0", { max_calls: 0 }),
  malformed("max-calls-text", "max_calls is text", { max_calls: "1" }),
  malformed("with-unknown", "Malformed beside a kind that is not known", {
    arguments: { "/query": { in: [], like: "x" } },
  }),
];
