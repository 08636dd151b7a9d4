import { admitted, type CaseSource, denied, NOW, sent } from "../../make/case.ts";
import { delegating, under } from "../../make/delegation.ts";
import { entry, PAGE, type Rules, TIDES } from "./changes.ts";

const NARROWER = `${PAGE}, What is narrower`;

/** ada hands a mandate on to bob, whose call fits both mandates. */
const handedOn = (parent: unknown, child: unknown, args: unknown) =>
  under(
    [
      { to: "ada", claims: { cap: [entry(parent)] } },
      { to: "bob", claims: { cap: [entry(child)] } },
    ],
    {
      arguments: args,
    },
  );

const query = (rule: Rules, more: Rules = {}) => ({ arguments: { "/query": rule }, ...more });

const narrower = (id: string, title: string, parent: unknown, child: unknown, args: unknown = TIDES) =>
  admitted(`narrower-${id}`, title, NARROWER, handedOn(parent, child, args), { change: delegating() });

const wider = (id: string, title: string, parent: unknown, child: unknown, args: unknown = TIDES) =>
  denied(`wider-${id}`, "act.privilege_escalation", title, NARROWER, handedOn(parent, child, args), {
    change: delegating(),
  });

export const narrowerCases: readonly CaseSource[] = [
  narrower("added", "A constraint is added", {}, query({ equals: "tides" })),
  narrower("kept", "A constraint is kept", query({ pattern: "[a-z]+" }), query({ pattern: "[a-z]+" })),
  narrower("value-of-in", "One of the values", query({ in: ["tides", "moon"] }), query({ equals: "tides" })),
  narrower("fewer-values", "Fewer values", query({ in: ["tides", "moon", 1] }), query({ in: ["tides", 1] })),
  narrower("value-of-prefix", "A value that begins so", query({ prefix: "t" }), query({ equals: "tides" })),
  narrower(
    "value-of-pattern",
    "Values that match",
    query({ pattern: "[a-z]+" }),
    query({ in: ["tides", "moon"] }),
  ),
  narrower("longer-prefix", "A longer prefix", query({ prefix: "t" }), query({ prefix: "ti" })),
  narrower(
    "range",
    "A range within the range",
    { arguments: { "/limit": { minimum: 0, maximum: 10 } } },
    { arguments: { "/limit": { minimum: 5, maximum: 5 } } },
    { limit: 5 },
  ),
  narrower("required", "Required in the place of optional", query({ presence: "optional" }), query({})),
  narrower("closed", "No other arguments in the place of any", query({}, { additional: true }), query({})),
  narrower(
    "deeper",
    "A rule below the one that is kept",
    query({}),
    { arguments: { "/query": {}, "/query/a": {} } },
    { query: { a: 1 } },
  ),
  narrower("calls", "A number of calls is added", {}, { max_calls: 1 }),
  wider("dropped", "A constraint is dropped", query({ equals: "tides" }), {}),
  wider("emptied", "A rule is emptied", query({ equals: "tides" }), query({})),
  wider("other-value", "Another value", query({ equals: "moon" }), query({ equals: "tides" })),
  wider("more-values", "One more value", query({ in: ["tides"] }), query({ in: ["tides", "moon"] })),
  wider("shorter-prefix", "A shorter prefix", query({ prefix: "ti" }), query({ prefix: "t" })),
  wider(
    "other-pattern",
    "Another pattern, though it matches less",
    query({ pattern: "[a-z]+" }),
    query({ pattern: "[a-t]+" }),
  ),
  wider(
    "minimum",
    "A lower minimum",
    { arguments: { "/limit": { minimum: 5 } } },
    { arguments: { "/limit": { minimum: 4 } } },
    { limit: 5 },
  ),
  wider(
    "maximum",
    "A higher maximum",
    { arguments: { "/limit": { maximum: 5 } } },
    { arguments: { "/limit": { maximum: 6 } } },
    { limit: 5 },
  ),
  wider("optional", "Optional in the place of required", query({}), query({ presence: "optional" })),
  wider("additional", "Others in the place of none", query({}), query({}, { additional: true })),
  wider("other-argument", "A rule for an argument that the parent does not allow", query({}), {
    arguments: { "/query": {}, "/limit": { presence: "optional" } },
  }),
  wider("calls", "A number of calls would multiply", { max_calls: 5 }, { max_calls: 1 }),
  wider("calls-dropped", "A number of calls is dropped", { max_calls: 5 }, {}),
  wider("unknown", "A constraint that nobody can compare", { moon: "full" }, { moon: "full" }),
  denied(
    "wider-alternative",
    "act.privilege_escalation",
    "Two entries of the parent made one",
    NARROWER,
    under([
      { to: "ada", claims: { cap: [entry(query({ equals: "tides" })), entry(query({ equals: "moon" }))] } },
      { to: "bob", claims: { cap: [entry(query({ in: ["tides", "moon"] }))] } },
    ]),
    { change: delegating() },
  ),
  denied(
    "handed-on-misfit",
    "capability.argument_not_allowed",
    "Arguments that the parent would allow, and the mandate presented does not",
    NARROWER,
    handedOn(query({ prefix: "" }), query({ prefix: "moon" }), TIDES),
    { change: delegating() },
  ),
  denied(
    "late",
    "act.expired",
    "A constraint does not keep a mandate alive",
    PAGE,
    { mandate: { claims: { exp: NOW + 60, cap: [entry({ max_calls: 5 })] } } },
    { at: 91, before: [sent({ mandate: { claims: { exp: NOW + 60, cap: [entry({ max_calls: 5 })] } } })] },
  ),
];
