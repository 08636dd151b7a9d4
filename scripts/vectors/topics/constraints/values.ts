import { admitted, type CaseSource, denied } from "../../make/case.ts";
import { ARGUMENTS, granting, PATHS, type Rules, TIDES } from "./changes.ts";

/** A call with arguments, under a mandate whose constraints allow it. */
const fits = (id: string, title: string, rules: Rules, args: unknown, more: Rules = {}): CaseSource =>
  admitted(id, title, ARGUMENTS, { ...granting({ arguments: rules, ...more }), arguments: args });

/** The same where they do not. */
const misfits = (id: string, title: string, rules: Rules, args: unknown, more: Rules = {}): CaseSource =>
  denied(id, "capability.argument_not_allowed", title, ARGUMENTS, {
    ...granting({ arguments: rules, ...more }),
    arguments: args,
  });

export const valuesCases: readonly CaseSource[] = [
  // -- what one argument may be -----------------------------------------------------------------------
  fits("equals", "equals: the very value", { "/query": { equals: "tides" } }, TIDES),
  misfits("equals-case", "equals: another case", { "/query": { equals: "Tides" } }, TIDES),
  misfits("equals-type", "equals: a number as text", { "/limit": { equals: 5 } }, { limit: "5" }),
  fits("equals-null", "equals: null", { "/after": { equals: null } }, { after: null }),
  misfits(
    "equals-null-absent",
    "equals null: what is absent is not null",
    { "/after": { equals: null } },
    {},
  ),
  fits(
    "equals-object",
    "equals: an object, whatever the order of its members (RFC 8785)",
    { "/filter": { equals: { year: 2026, tags: ["sea"] } } },
    { filter: { tags: ["sea"], year: 2026 } },
  ),
  misfits(
    "equals-object-more",
    "equals: an object with one more member",
    { "/filter": { equals: { year: 2026 } } },
    { filter: { year: 2026, all: true } },
  ),
  misfits(
    "equals-list-order",
    "equals: a list in another order",
    { "/tags": { equals: ["sea", "moon"] } },
    { tags: ["moon", "sea"] },
  ),
  fits("equals-number", "equals: 5.0 is the number 5", { "/limit": { equals: 5.0 } }, { limit: 5 }),
  fits("in", "in: one of the values", { "/query": { in: ["moon", "tides"] } }, TIDES),
  misfits("in-other", "in: another value", { "/query": { in: ["moon", "sea"] } }, TIDES),
  misfits(
    "in-list",
    "in: a list of the values is none of them",
    { "/query": { in: ["tides"] } },
    { query: ["tides"] },
  ),
  fits("minimum", "minimum: the bound itself", { "/limit": { minimum: 5 } }, { limit: 5 }),
  misfits("minimum-below", "minimum: below", { "/limit": { minimum: 5 } }, { limit: 4.5 }),
  fits("maximum", "maximum: the bound itself", { "/limit": { maximum: 5 } }, { limit: 5 }),
  misfits("maximum-above", "maximum: above", { "/limit": { maximum: 5 } }, { limit: 6 }),
  misfits(
    "maximum-text",
    "maximum: text of digits is no number",
    { "/limit": { maximum: 5 } },
    { limit: "1" },
  ),
  fits("range", "minimum and maximum together", { "/limit": { minimum: -1, maximum: 1 } }, { limit: 0 }),
  fits("prefix", "prefix: text that begins so", { "/path": { prefix: "reports/" } }, { path: "reports/1" }),
  fits(
    "prefix-traversal",
    "prefix: text is compared and no path is resolved, so this begins so too",
    { "/path": { prefix: "reports/" } },
    { path: "reports/../secrets" },
  ),
  misfits(
    "prefix-other",
    "prefix: text that does not",
    { "/path": { prefix: "reports/" } },
    { path: "/reports/1" },
  ),
  misfits("prefix-list", "prefix: a list of such text", { "/path": { prefix: "r" } }, { path: ["reports"] }),
  misfits(
    "all-of-them",
    "Several constraints on one argument: all must hold",
    { "/query": { prefix: "t", in: ["tides", "moon"], pattern: "[a-z]{4}" } },
    TIDES,
  ),

  // -- presence, and other arguments ------------------------------------------------------------------
  misfits("absent", "An argument that is constrained must be there", { "/query": { prefix: "" } }, {}),
  fits(
    "optional-absent",
    "presence optional: it may be absent",
    { "/query": { presence: "optional", equals: "x" } },
    {},
  ),
  misfits(
    "optional-there",
    "presence optional: where it is there, it must fit",
    { "/query": { presence: "optional", equals: "x" } },
    TIDES,
  ),
  fits("forbidden-absent", "presence forbidden", { "/debug": { presence: "forbidden" } }, TIDES, {
    additional: true,
  }),
  misfits(
    "forbidden-there",
    "presence forbidden: null is there",
    { "/debug": { presence: "forbidden" } },
    { debug: null },
  ),
  misfits("other", "An argument that no rule names", { "/query": {} }, { query: "tides", limit: 9 }),
  misfits(
    "other-case",
    "Nor one that differs in case alone",
    { "/query": {} },
    { query: "tides", Query: "moon" },
  ),
  fits(
    "other-allowed",
    "additional: others are allowed",
    { "/query": {} },
    { query: "tides", limit: 9 },
    { additional: true },
  ),
  misfits("none", "Rules for no argument: none is allowed", {}, TIDES),
  fits("none-given", "Rules for no argument, and none is given", {}, {}),

  // -- paths --------------------------------------------------------------------------------------------
  fits("path", "A path into an object", { "/filter/year": { minimum: 2000 } }, { filter: { year: 2026 } }),
  misfits(
    "path-value",
    "A path into an object, whose value does not fit",
    { "/filter/year": { minimum: 2000 } },
    { filter: { year: 1 } },
  ),
  misfits(
    "path-other",
    "An object that a path goes through has no other members",
    { "/filter/year": {} },
    { filter: { year: 1, all: true } },
  ),
  admitted("path-slash", "A name with a slash is ~1", PATHS, {
    ...granting({ arguments: { "/a~1b": { equals: 1 } } }),
    arguments: { "a/b": 1 },
  }),
  denied(
    "path-slash-object",
    "capability.argument_not_allowed",
    "A name with a slash is no object in an object",
    PATHS,
    {
      ...granting({ arguments: { "/a~1b": { equals: 1 } } }),
      arguments: { a: { b: 1 } },
    },
  ),
  admitted("path-dot", "A dot in a name is nothing special", PATHS, {
    ...granting({ arguments: { "/a.b": { equals: 1 } } }),
    arguments: { "a.b": 1 },
  }),
  denied("path-list", "capability.argument_not_allowed", "A path does not lead into lists", PATHS, {
    ...granting({ arguments: { "/ids/0": { equals: 1 } } }),
    arguments: { ids: [1] },
  }),
  denied(
    "path-hidden",
    "capability.argument_not_allowed",
    "Something else in the place of the object, though what is below is optional and others are allowed",
    PATHS,
    {
      ...granting({
        arguments: { "/filter/all": { presence: "optional", equals: false } },
        additional: true,
      }),
      arguments: { filter: "all=true" },
    },
  ),
];
