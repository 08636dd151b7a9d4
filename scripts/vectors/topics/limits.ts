import type { TenantDocument } from "../../../src/tenant/schema/document.ts";
import type { Call } from "../make/call.ts";
import { admitted, type Draft, denied, NOW, sent, type Topic } from "../make/case.ts";

const LIMITS = "Countersign, tenant document: policy.limits";

type Limit = NonNullable<NonNullable<TenantDocument["policy"]>["limits"]>[number];

/** A tenant with these limits; `search` costs 3. */
const limited =
  (...limits: Limit[]) =>
  (document: Draft): void => {
    document.policy?.tools?.push({ name: "search", scope: "read", cost: 3 });
    document.policy = { ...document.policy, limits };
  };

const HOUR = 3600;
/** Seconds until the window ends. */
const left = HOUR - (NOW % HOUR);

const waits = (seconds: number | null) => ({
  headers: { "retry-after": seconds === null ? null : String(seconds) },
});

const BOB: Call = { agent: "bob" };

export const limits: Topic = {
  name: "limits",
  title: "How many calls there may be, and of what cost",
  cases: [
    denied(
      "mandate",
      "limit.mandate_exhausted",
      "The second call under a mandate that has one",
      LIMITS,
      {},
      {
        before: [sent()],
        change: limited({ per: "mandate", calls: 1 }),
        expect: waits(null),
      },
    ),
    admitted(
      "other-mandate",
      "The same under another mandate",
      LIMITS,
      { mandate: { claims: { jti: "mandate-2" } }, ect: { claims: { pred: ["mandate-2"] } } },
      { before: [sent()], change: limited({ per: "mandate", calls: 1 }) },
    ),
    denied(
      "principal",
      "limit.principal_exhausted",
      "The second call of an agent that has one",
      LIMITS,
      {},
      {
        before: [sent()],
        change: limited({ per: "principal", calls: 1, windowSeconds: HOUR }),
        expect: waits(left),
      },
    ),
    admitted("other-principal", "The same of another agent", LIMITS, BOB, {
      before: [sent()],
      change: limited({ per: "principal", calls: 1, windowSeconds: HOUR }),
    }),
    denied("tenant", "limit.tenant_exhausted", "A call of one agent after that of another", LIMITS, BOB, {
      before: [sent()],
      change: limited({ per: "tenant", calls: 1, windowSeconds: HOUR }),
      expect: waits(left),
    }),
    denied(
      "tool",
      "limit.tool_exhausted",
      "The second call of a tool",
      LIMITS,
      {},
      {
        before: [sent()],
        change: limited({ per: "tool", calls: 1, windowSeconds: HOUR }),
        expect: waits(left),
      },
    ),
    admitted(
      "other-tool",
      "A call of another tool",
      LIMITS,
      {
        tool: "write",
        mandate: { claims: { cap: [{ action: "mcp.write" }], jti: "mandate-2" } },
        ect: { claims: { pred: ["mandate-2"] } },
      },
      {
        before: [sent()],
        change: limited({ per: "tool", calls: 1, windowSeconds: HOUR }),
      },
    ),
    denied(
      "cost",
      "limit.principal_exhausted",
      "What is left is less than the tool costs",
      LIMITS,
      {},
      {
        before: [sent()],
        change: limited({ per: "principal", cost: 5, windowSeconds: HOUR }),
        expect: waits(left),
      },
    ),
    admitted(
      "next-window",
      "The first call of the next window",
      LIMITS,
      {},
      {
        before: [sent({}, { at: -1 - (NOW % 60) })],
        change: limited({ per: "principal", calls: 1, windowSeconds: 60 }),
      },
    ),
    admitted(
      "not-a-call",
      "What is no call of a tool is not counted",
      LIMITS,
      { rpc: { id: 1, method: "tools/list" } },
      {
        before: [sent()],
        change: limited({ per: "mandate", calls: 1 }),
      },
    ),
  ],
};
