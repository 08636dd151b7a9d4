import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, expect, test, vi } from "vitest";
import { askAncestors, chainParents } from "../src/ancestors.ts";
import type { VerifiedMandate } from "../src/evidence/act/verify.ts";
import { decide } from "../src/ledger/client.ts";
import { ledgerName } from "../src/ledger/names.ts";
import type { Attempt, MandateFacts } from "../src/ledger/protocol.ts";
import { runKey } from "../src/ledger/run-key.ts";
import type { Step } from "../src/ledger/step.ts";
import { CLOCK_SKEW, LEDGER_DEADLINE_MS, MAX_LEDGERS_ASKED } from "../src/limits.ts";
import type { Agent, Tenant } from "../src/tenant/tenant.ts";
import { attempt, ISSUER, mandate, setClock, step, T, unique, useClock } from "./ledger/helpers.ts";
import { agentNamed } from "./support/agents.ts";

useClock();
afterEach(() => void vi.restoreAllMocks());

// -- a tenant with agents, and mandates that are handed on ------------------------------------------------

const planner = agentNamed("planner");
const reader = agentNamed("reader");
const writer = agentNamed("writer");
const stranger = agentNamed("stranger");

const newTenant = (): Tenant => ({ id: unique("tenant") }) as Tenant;

type Held = Pick<
  VerifiedMandate,
  "agent" | "iss" | "rootIss" | "jti" | "wid" | "iat" | "exp" | "chain" | "digest"
>;

/** What the issuer gives an agent, and what that agent gives the next. */
function rootOf(agent: Agent, changes: Partial<MandateFacts> = {}): Held {
  return { ...mandate(changes), agent, chain: [] };
}

function handedOn(
  { chain, digest: _, ...parent }: Held,
  agent: Agent,
  changes: Partial<MandateFacts> = {},
): Held {
  const { rootIss, wid } = parent;
  return {
    ...mandate({ iss: parent.agent.name, rootIss, wid, ...changes }),
    agent,
    chain: [...chain, parent],
  };
}

/** A call by whom the mandate is for, as the gate makes it. */
function call(held: Held, changes: Partial<Step> = {}, more: Partial<Attempt> = {}): Attempt {
  const { agent: _, chain, ...facts } = held;
  const own = step(facts, {
    foreignParents: chainParents(held as VerifiedMandate),
    othersAsked: chain.length === 0,
    ...changes,
  });
  return attempt({ mandate: facts, step: own, ...more });
}

/** Begins every ledger early enough, and asks as the gate does. */
async function ask(tenant: Tenant, held: Held, asked: Attempt, lane = 0) {
  const home = ledgerName(tenant.id, `agent:${held.agent.name}`, lane);
  const ruled = await decide(env, home, asked, askAncestors(held as VerifiedMandate, tenant, env));
  if (!ruled.ok) return ruled.error;
  const { place: _p, retryAfter: _r, approval: _a, ...value } = ruled.value;
  return value;
}

const reason = async (...asked: Parameters<typeof ask>): Promise<string | null> => {
  const ruled = await ask(...asked);
  return typeof ruled === "string" ? ruled : ruled.reason;
};

/** The names of the ledgers that are asked from here on, and what they are asked. */
function watch(): string[] {
  const asked: string[] = [];
  const { getByName } = env.LEDGER;
  vi.spyOn(env.LEDGER, "getByName").mockImplementation((name, ...rest) => {
    const stub = getByName.call(env.LEDGER, name, ...rest);
    return new Proxy(stub, {
      get: (target, method) => {
        const member = Reflect.get(target, method) as (...args: unknown[]) => unknown;
        return (...args: unknown[]) => {
          asked.push(`${JSON.parse(name)[2]} ${String(method)}`);
          return Reflect.apply(member, target, args);
        };
      },
    });
  });
  return asked;
}

// -- what a delegated agent may name ----------------------------------------------------------------------

/** The planner, with keys in these lanes, has made a step in a run, with a workflow or without, and has handed the mandate on. */
async function delegated(wid: string | null, lanes: readonly number[] = [0], lane = 0) {
  const tenant = newTenant();
  const root = rootOf({ ...planner, lanes: new Set(lanes) }, { wid });
  expect(await reason(tenant, root, call(root, { jti: "plan" }), lane)).toBeNull();
  return { tenant, root, child: handedOn(root, reader) };
}

test.each([["w"], [null]])("a step of the agent that delegated, in workflow %s", async (wid) => {
  const { tenant, root, child } = await delegated(wid);
  expect(await ask(tenant, child, call(child, { pred: [child.jti, root.jti, "plan"] }))).toEqual({
    verdict: "admitted",
    reason: null,
    stepRecorded: true,
  });
});

test.each([["w"], [null]])("a step of the first of three agents, in workflow %s", async (wid) => {
  const { tenant, root, child } = await delegated(wid);
  const grandchild = handedOn(child, writer);
  expect(await reason(tenant, child, call(child, { jti: "read" }))).toBeNull();
  const pred = [root.jti, child.jti, grandchild.jti, "plan", "read"];
  expect(await reason(tenant, grandchild, call(grandchild, { pred }))).toBeNull();
});

test("a step in whichever lane of the agent it is", async () => {
  const { tenant, child } = await delegated("w", [0, 3, 7], 7);
  expect(await reason(tenant, child, call(child, { pred: [child.jti, "plan"] }), 3)).toBeNull();
});

test("a step that was denied, unless the tenant takes none", async () => {
  const { tenant, root, child } = await delegated("w");
  await ask(tenant, root, call(root, { jti: "denied" }, { denial: "capability.missing" }));
  const pred = [child.jti, "denied"];
  const parents = { level: 2, denied: false } as const;
  expect(await reason(tenant, child, call(child, { pred }))).toBeNull();
  expect(await reason(tenant, child, call(child, { pred, parents }))).toBe("run.parent_denied");
});

test("a step of a lower level than the tenant asks for is none", async () => {
  const { tenant, child } = await delegated("w");
  const asked = call(child, { pred: [child.jti, "plan"], level: 3, parents: { level: 3, denied: true } });
  expect(await reason(tenant, child, asked)).toBe("run.parent_level");
});

test.each([
  [CLOCK_SKEW, null],
  [CLOCK_SKEW + 1, "run.parent_after_child"],
])("a step issued %i s after its child", async (after, expected) => {
  const { tenant, root, child } = await delegated("w");
  await ask(tenant, root, call(root, { jti: "late", iat: T + after }));
  expect(await reason(tenant, child, call(child, { pred: [child.jti, "late"] }))).toBe(expected);
});

test.each([
  [2 * CLOCK_SKEW, null],
  [2 * CLOCK_SKEW + 1, "run.parent_after_child"],
])("a mandate of the chain issued %i s after the child", async (after, expected) => {
  const tenant = newTenant();
  const root = rootOf(planner, { iat: T + after });
  const child = handedOn(root, reader);
  expect(await reason(tenant, child, call(child, { pred: [child.jti, root.jti] }))).toBe(expected);
});

// -- and what it may not ----------------------------------------------------------------------------------

test.each<[string, (place: { tenant: Tenant; root: Held; child: Held }) => Promise<void>]>([
  ["nobody's step", async () => {}],
  [
    "a step of an agent that is not in the chain, of the same workflow",
    async ({ tenant }) => {
      const other = rootOf(stranger, { wid: "w" });
      await ask(tenant, other, call(other, { jti: "named" }));
    },
  ],
  [
    "a step of another agent that the same one delegated to",
    async ({ tenant, root }) => {
      const sibling = handedOn(root, writer);
      await ask(tenant, sibling, call(sibling, { jti: "named" }));
    },
  ],
  [
    "a step of the delegator's other run",
    async ({ tenant }) => {
      const other = rootOf(planner, { wid: "elsewhere" });
      await ask(tenant, other, call(other, { jti: "named" }));
    },
  ],
  [
    "a step of the delegator's run without a workflow",
    async ({ tenant }) => {
      const other = rootOf(planner, { wid: null });
      await ask(tenant, other, call(other, { jti: "named" }));
    },
  ],
  [
    "a step of a workflow with the same name under another root issuer",
    async ({ tenant }) => {
      const other = rootOf(planner, { wid: "w", iss: "https://other.example" });
      await ask(tenant, other, call(other, { jti: "named" }));
    },
  ],
  [
    "a step of the delegator's at another tenant",
    async ({ root }) => {
      await ask(newTenant(), root, call(root, { jti: "named" }));
    },
  ],
  [
    "a step of the delegator's that was refused before it could be recorded",
    async ({ tenant, root }) => {
      await ask(tenant, root, call(root, { jti: "named", lastAcceptable: T - 1 }));
    },
  ],
])("%s is unknown", async (_, prepare) => {
  const { tenant, root, child } = await delegated("w");
  await prepare({ tenant, root, child });
  expect(await ask(tenant, child, call(child, { pred: [child.jti, "plan", "named"] }))).toEqual({
    verdict: "denied",
    reason: "run.pred_unknown",
    stepRecorded: false,
  });
});

test("the delegator may not name steps of the agent it delegated to", async () => {
  const { tenant, root, child } = await delegated("w");
  await ask(tenant, child, call(child, { jti: "read" }));
  expect(await reason(tenant, root, call(root, { pred: [root.jti, "read"] }))).toBe("run.pred_unknown");
});

test("without a workflow, a step of the delegator's other run is unknown", async () => {
  const { tenant, child } = await delegated(null);
  const other = rootOf(planner);
  await ask(tenant, other, call(other, { jti: "named" }));
  expect(await reason(tenant, child, call(child, { pred: [child.jti, "named"] }))).toBe("run.pred_unknown");
});

test("a step may not take the name of a mandate of the chain", async () => {
  const { tenant, root, child } = await delegated("w");
  expect(await ask(tenant, child, call(child, { jti: root.jti }))).toEqual({
    verdict: "denied",
    reason: "replay.ect",
    stepRecorded: false,
  });
});

test("what is found spends nothing twice: a replay is one, also with another agent's parents", async () => {
  const { tenant, child } = await delegated("w");
  const asked = call(child, { pred: [child.jti, "plan"] });
  expect(await reason(tenant, child, asked)).toBeNull();
  expect(await reason(tenant, child, asked)).toBeNull();
  expect(await reason(tenant, child, { ...asked, decision: unique("decision") })).toBe("replay.ect");
});

// -- what it costs ------------------------------------------------------------------------------------------

test("only a parent that nobody here knows costs more than one call", async () => {
  const { tenant, root, child } = await delegated("w");
  const asked = watch();
  const calls = async (...parents: string[]) => {
    asked.length = 0;
    await ask(tenant, child, call(child, { jti: unique("own"), pred: [child.jti, ...parents] }));
    return asked;
  };
  expect(await calls()).toEqual(["agent:reader decide"]);
  expect(await calls(root.jti)).toEqual(["agent:reader decide"]);
  await ask(tenant, child, call(child, { jti: "mine" }));
  expect(await calls("mine")).toEqual(["agent:reader decide"]);
  expect(await calls("mine", "plan")).toEqual([
    "agent:reader decide",
    "agent:planner findSteps",
    "agent:reader decide",
  ]);
});

test("an agent that nobody delegated to asks nobody", async () => {
  const { tenant, root } = await delegated("w");
  const asked = watch();
  expect(await reason(tenant, root, call(root, { pred: [root.jti, "unknown"] }))).toBe("run.pred_unknown");
  expect(asked).toEqual(["agent:planner decide"]);
});

test("nobody is asked about a step that is refused all the same", async () => {
  const { tenant, child } = await delegated("w");
  const asked = watch();
  const pred = [child.jti, "plan"];
  expect(await reason(tenant, child, call(child, { pred }, { denial: "capability.missing" }))).toBe(
    "capability.missing",
  );
  expect(await reason(tenant, child, call(child, { pred }, { uses: [{ key: "u", max: 0, until: T }] }))).toBe(
    "capability.calls_exhausted",
  );
  expect(await reason(tenant, child, call(child, { pred, lastAcceptable: T - 1 }))).toBe("replay.too_late");
  expect(asked).toEqual(Array(3).fill("agent:reader decide"));
});

test("there is a bound to the ledgers that one call asks", async () => {
  const lanes = Array.from({ length: MAX_LEDGERS_ASKED + 5 }, (_, i) => i);
  const { tenant, child } = await delegated("w", lanes, MAX_LEDGERS_ASKED + 4);
  const asked = watch();
  expect(await reason(tenant, child, call(child, { pred: [child.jti, "plan"] }))).toBeNull();
  expect(asked.filter((name) => name.endsWith("findSteps"))).toHaveLength(MAX_LEDGERS_ASKED);
});

// -- when a ledger does not answer --------------------------------------------------------------------------

test("a ledger that does not answer means that we cannot tell, and nothing is spent", async () => {
  const { tenant, child } = await delegated("w");
  const asked = call(child, { pred: [child.jti, "plan"] });
  const { getByName } = env.LEDGER;
  const failing = vi.spyOn(env.LEDGER, "getByName").mockImplementation((name, ...rest) => {
    const stub = getByName.call(env.LEDGER, name, ...rest);
    return name.includes("planner")
      ? ({ findSteps: () => Promise.reject(new Error("gone")) } as unknown as typeof stub)
      : stub;
  });
  expect(await ask(tenant, child, asked)).toBe("ledger.unavailable");
  failing.mockRestore();
  expect(await reason(tenant, child, { ...asked, decision: unique("decision") })).toBeNull();
});

test("a question does not make a ledger begin, nor tell of a run that is not asked for", async () => {
  const { tenant, root } = await delegated("w");
  const find = (agent: string, run: string, ...jtis: string[]) =>
    env.LEDGER.getByName(ledgerName(tenant.id, agent, 0)).findSteps(run, jtis);
  expect(await find("agent:writer", runKey(root), "plan")).toEqual([]);
  const writers = env.LEDGER.getByName(ledgerName(tenant.id, "agent:writer", 0));
  const tables = await runInDurableObject(writers, (_, { storage }) =>
    storage.sql.exec("SELECT name FROM sqlite_master WHERE name NOT GLOB '_cf_*'").toArray(),
  );
  expect(tables).toEqual([]);
  const enrolled = await env.DIRECTORY.getByName(tenant.id).ledgers();
  expect(enrolled.map(({ name }) => JSON.parse(name)[2])).toEqual(["agent:planner"]);

  expect(await find("agent:planner", runKey(root), "plan", "other")).toEqual([
    { jti: "plan", iat: T, level: 2, denied: false },
  ]);
  expect(await find("agent:planner", runKey({ ...root, wid: "other" }), "plan")).toEqual([]);
  expect(await find("agent:planner", runKey({ ...root, rootIss: `${ISSUER}.other` }), "plan")).toEqual([]);
});

test("a question that waited until nobody listens is not looked into", async () => {
  const { tenant, root } = await delegated("w");
  const planners = env.LEDGER.getByName(ledgerName(tenant.id, "agent:planner", 0));
  const found = await runInDurableObject(planners, async (ledger) => {
    const waiting = ledger.findSteps(runKey(root), ["plan"]);
    setClock(T + LEDGER_DEADLINE_MS / 1000 + 1);
    return [await waiting, await ledger.findSteps(runKey(root), ["plan"])];
  });
  expect(found.map((steps) => steps.length)).toEqual([0, 1]);
});
