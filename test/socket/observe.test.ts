/** What is only observed: recorded, and passed on all the same. Each gate for itself, and nothing else with it. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type MandateGrant, SESSION_ACTIONS } from "../../src/agent/index.ts";
import { meansOf } from "../../src/audit/export/means.ts";
import { splitLines } from "../../src/audit/export/split-lines.ts";
import { verifyExport } from "../../src/audit/export/verify.ts";
import { wellKnownUrl } from "../../src/endpoints/well-known.ts";
import { GATES, type Gate } from "../../src/policy/gate-names.ts";
import type { TenantDocument } from "../../src/tenant/schema/document.ts";
import { each } from "../audit/export/log.ts";
import { type Connected, SDKS } from "../clients/sdks.ts";
import { type Difference, type Scene, setScene, type Wishes } from "./harness.ts";
import { type McpOrigin, startMcpOrigin } from "./mcp-origin.ts";
import { decisionOf, rpc, told, toolCall, withHeader } from "./messages.ts";
import { type Arrival, beyondFraming } from "./origin.ts";
import type { Wire } from "./raw.ts";
import { AUDITOR, edit, letAudit, visitWire } from "./visits.ts";

const UNTIL = "2999-12-31T23:59:59Z";
const CALLERS = ["reader", "writer", "courier"];

const POLICY: TenantDocument["policy"] = {
  environment: ["test"],
  tools: [
    { name: "search", scope: "read" },
    { name: "scarce", scope: "read" },
    { name: "purge", scope: "admin" },
    { name: "elsewhere", scope: "read", environments: ["production"] },
    { name: "asked", scope: "read", approval: { roles: ["owner"] } },
  ],
  grants: [{ agents: CALLERS, scope: "read" }],
  limits: [{ per: "principal", tools: ["scarce"], calls: 1, windowSeconds: 86_400 }],
  approval: {
    signIn: { issuer: "https://login.example", clientId: "countersign" },
    roles: [{ name: "owner", subjects: ["alice"] }],
  },
};
const ACTIONS = [
  ...SESSION_ACTIONS,
  ...["search", "scarce", "purge", "elsewhere", "asked"].map((tool) => `mcp.${tool}`),
];

const observing = (
  ...rules: Omit<NonNullable<TenantDocument["observe"]>[number], "until">[]
): Difference => ({
  policy: POLICY,
  observe: rules.map((rule) => ({ until: UNTIL, ...rule })),
});
const but = (gate: Gate) => GATES.filter((other) => other !== gate);
const STRANGERS: Gate[] = ["evidence", "agent", "tool"];

let scene: Scene;
let stateful: McpOrigin;
let modern: McpOrigin;
beforeAll(async () => {
  [stateful, modern] = await Promise.all([startMcpOrigin("sessions"), startMcpOrigin("both eras")]);
  scene = await setScene({
    none: { policy: POLICY },
    all: { ...observing({}), origin: { forwardHeaders: ["x-team"] } },
    ended: { policy: POLICY, observe: [{ until: "2026-01-01T00:00:00Z" }] },
    stopped: { ...observing({}), status: "suspended" },
    strangers: observing({ gates: STRANGERS }),
    searches: observing({ tools: ["search"] }),
    replays: observing({ gates: ["admission"] }),
    reported: observing({}),
    exported: observing({}),
    ...Object.fromEntries(
      GATES.flatMap((gate) => [
        [`only-${gate}`, observing({ gates: [gate] })],
        [`but-${gate}`, observing({ gates: but(gate) })],
      ]),
    ),
    legacy: { ...observing({}), origin: { url: stateful.url } },
    modern: { ...observing({}), tools: { filterList: true }, origin: { url: modern.url } },
    strict: { policy: POLICY, origin: { url: modern.url } },
  });
  for (const gate of GATES)
    for (const tenant of [`only-${gate}`, `but-${gate}`])
      await edit(scene, tenant, ({ agents }) => {
        for (const agent of agents) if (agent.name === "writer") agent.status = "suspended";
      });
  await letAudit(scene, "reported");
  await letAudit(scene, "replays");
  await letAudit(scene, "exported");
});
afterAll(async () => {
  await scene.close();
  await Promise.all([stateful.close(), modern.close()]);
});

// -- requests -------------------------------------------------------------------------------------------

const signed = async (
  tenant: string,
  body: string | null,
  { actions = ACTIONS, caller = scene.reader, ...wishes }: Asked = {},
) => scene.sign(tenant, body, { ...wishes, caller, run: await scene.run(tenant, { actions, caller }) });

interface Asked extends Omit<Wishes, "actions"> {
  readonly actions?: MandateGrant["actions"];
}

/** A request of somebody who has no evidence at all. */
const plain = (
  tenant: string,
  body: string | null,
  headers: Record<string, string> = {},
  method = "POST",
): Wire => {
  const { host, pathname } = new URL(scene.endpoint(tenant));
  const all = {
    accept: "application/json, text/event-stream",
    ...(body !== null && { "content-type": "application/json" }),
    ...headers,
  };
  return {
    method,
    target: pathname,
    headers: [["Host", host], ...Object.entries(all)],
    body: Buffer.from(body ?? ""),
  };
};

const send = async (wire: Wire) => told(await scene.send(wire));

const arrivals = (tenant: string): readonly Arrival[] => scene.origin(tenant).arrivals;

// -- what each gate refuses -------------------------------------------------------------------------------

/** For each gate requests of which it, and no other, refuses the last. */
const FAULTS: Readonly<Record<Gate, (tenant: string) => Promise<readonly Wire[]>>> = {
  evidence: async (tenant) => [await signed(tenant, toolCall(), { actions: [...SESSION_ACTIONS] })],
  agent: async (tenant) => [await signed(tenant, toolCall(), { caller: scene.writer })],
  tool: async (tenant) => [await signed(tenant, toolCall("purge"))],
  environment: async (tenant) => [await signed(tenant, toolCall("elsewhere"))],
  arguments: async (tenant) => [
    await signed(tenant, toolCall(), {
      actions: [{ action: "mcp.search", constraints: { arguments: { "/query": { equals: "honey" } } } }],
    }),
  ],
  approval: async (tenant) => [await signed(tenant, toolCall("asked"))],
  limits: async (tenant) => [
    await signed(tenant, toolCall("scarce")),
    await signed(tenant, toolCall("scarce")),
  ],
  admission: async (tenant) => {
    const wire = await signed(tenant, toolCall());
    return [wire, wire];
  },
};

const REASONS: Readonly<Record<Gate, string>> = {
  evidence: "capability.missing",
  agent: "policy.agent_suspended",
  tool: "policy.scope_too_narrow",
  environment: "policy.environment",
  arguments: "capability.argument_not_allowed",
  approval: "approval.required",
  limits: "limit.principal_exhausted",
  admission: "replay.ect",
};

/** What became of the last of them. */
interface Case {
  readonly gate: Gate;
  readonly fault: Gate;
  readonly tenant: string;
  readonly isObserved: boolean;
  readonly told: string;
  readonly decision: string;
  /** Requests that did not reach the origin. */
  readonly withheld: number;
}

async function runCase(gate: Gate, fault: Gate, tenant: string, isObserved: boolean): Promise<Case> {
  const before = arrivals(tenant).length;
  const wires = await FAULTS[fault](tenant);
  const answers = [];
  for (const wire of wires) answers.push(await scene.send(wire));
  const answer = answers.at(-1);
  if (answer === undefined) throw new Error("nothing was sent");
  const withheld = wires.length - (arrivals(tenant).length - before);
  return { gate, fault, tenant, isObserved, told: told(answer), decision: decisionOf(answer), withheld };
}

/** At one tenant one after the other, since what arrives is counted; at all of them at once. */
async function runMatrix(): Promise<readonly Case[]> {
  const cases = GATES.flatMap((gate) =>
    ([`only-${gate}`, `but-${gate}`] as const).map(async (tenant) => {
      const done: Case[] = [];
      for (const fault of GATES)
        done.push(await runCase(gate, fault, tenant, (fault === gate) === (tenant === `only-${gate}`)));
      return done;
    }),
  );
  return (await Promise.all(cases)).flat();
}

describe("each gate alone, and all but one", () => {
  let cases: readonly Case[];
  let rows: Awaited<ReturnType<Scene["rows"]>>;
  beforeAll(async () => {
    cases = await runMatrix();
    rows = await scene.rows(cases.map(({ decision }) => decision));
  });

  test.each(GATES.flatMap((gate) => GATES.map((fault) => [gate, fault] as const)))(
    "%s is observed, or is not: what %s refuses",
    (gate, fault) => {
      const both = cases.filter((one) => one.gate === gate && one.fault === fault);
      expect(both.map(({ isObserved }) => isObserved).sort()).toEqual([false, true]);
      const reason = REASONS[fault];
      for (const { tenant, isObserved, told: said, decision, withheld } of both) {
        const refused = expect.stringMatching(new RegExp(`^\\d{3} ${reason.replace(".", "\\.")}$`));
        expect([tenant, said, withheld]).toEqual([tenant, isObserved ? "200" : refused, isObserved ? 0 : 1]);
        const row = rows.get(decision);
        expect(row).toMatchObject({ verdict: isObserved ? "observed" : "denied", reason });
        expect(JSON.parse(row?.checks ?? "").includes(`observed.${fault}:${reason}`)).toBe(isObserved);
      }
    },
  );

  test.each(GATES)("%s is observed, or is not: a stranger needs three", async (gate) => {
    expect(await send(plain(`only-${gate}`, toolCall()))).toMatch(/^40[13] /);
    const missing: Partial<Record<Gate, string>> = {
      evidence: "401 bearer.missing",
      agent: "403 policy.caller_unknown",
      tool: "403 policy.tool_not_granted",
    };
    expect(await send(plain(`but-${gate}`, toolCall()))).toBe(missing[gate] ?? "200");
  });
});

describe("what is never only observed", () => {
  test.each([
    [
      "two parsers could read it in two ways",
      '{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}',
      "400 message.duplicate_key",
    ],
    ["more than one message", "[]", "400 message.batch"],
    ["a method that nobody has named", rpc("no/such"), "400 message.method_unknown"],
    ["a tool whose action would be a method's", toolCall("session.ping"), "400 message.tool_name_reserved"],
    ["a tool whose name is none", toolCall(""), "400 message.tool_name"],
  ])("%s", async (_name, body, expected) => {
    const before = arrivals("all").length;
    expect(await send(plain("all", body))).toBe(expected);
    expect(arrivals("all").length).toBe(before);
  });

  test("headers that say another thing than the body", async () =>
    expect(await send(plain("all", rpc("tools/list"), { "mcp-method": "ping" }))).toBe(
      "400 message.header_mismatch",
    ));

  test("a suspended tenant", async () => {
    expect(await send(plain("stopped", toolCall()))).toBe("403 policy.tenant_suspended");
    expect(await send(await signed("stopped", toolCall()))).toBe("200 policy.tenant_suspended");
    expect(arrivals("stopped")).toEqual([]);
  });

  test("what has ended, or was never begun", async () => {
    expect(await send(plain("ended", toolCall()))).toBe("401 bearer.missing");
    expect(await send(plain("none", toolCall()))).toBe("401 bearer.missing");
    expect([...arrivals("ended"), ...arrivals("none")]).toEqual([]);
  });

  test("endpoints of Countersign's own: neither evidence nor that it comes once", async () => {
    const { pathname } = new URL("audit/observed", scene.endpoint("all"));
    expect(await send({ ...plain("all", null, {}, "GET"), target: pathname })).toBe("401 bearer.missing");
    const visit = await visitWire(scene, "replays", "audit/observed", { grants: AUDITOR });
    expect(await send(visit)).toBe("200");
    expect(await send(visit)).toBe("403 replay.nonce");
    expect(await send(await visitWire(scene, "all", "audit/observed"))).toBe("403 capability.missing");
  });

  test("a session that is not the caller's: it begins anew", async () => {
    const wire = await signed("all", rpc("tools/list"), { headers: { "mcp-session-id": "raw-1" } });
    expect(await send(wire)).toBe("404 session.malformed");
  });

  test("other gates of a stranger's call", async () => {
    expect(await send(plain("strangers", toolCall()))).toBe("200");
    expect(await send(plain("strangers", toolCall("elsewhere")))).toBe("403 policy.environment");
    expect(await send(plain("strangers", toolCall("asked")))).toBe("403 approval.unavailable");
    expect(await send(plain("strangers", toolCall("scarce")))).toBe("200");
    expect(await send(plain("strangers", toolCall("scarce")))).toMatch(/ limit\.principal_exhausted$/);
  });

  test("other tools, and what is no call of a tool", async () => {
    expect(await send(plain("searches", toolCall()))).toBe("200");
    for (const body of [toolCall("purge"), toolCall("scarce"), rpc("tools/list"), rpc("initialize")])
      expect(await send(plain("searches", body))).toBe("401 bearer.missing");
    expect(await send(plain("searches", null, {}, "GET"))).toBe("401 bearer.missing");
    expect(arrivals("searches").length).toBe(1);
  });

  test("what the mandate does not allow, behind other evidence that does not hold", async () => {
    // The ECT names no mandate: it is not of this run, and the grant is not looked for. It holds all the same.
    const run = await scene.run("only-evidence", {
      actions: [{ action: "mcp.search", constraints: { arguments: { "/query": { equals: "honey" } } } }],
    });
    const lost = { ...run, pred: () => ["another"] };
    for (const [query, expected] of [
      ["honey", "200"],
      ["wax", "200 capability.argument_not_allowed"],
    ] as const) {
      const wire = await scene.sign("only-evidence", toolCall("search", { query }), { run: lost });
      expect(await send(wire)).toBe(expected);
    }
  });
});

describe("a stranger", () => {
  test("is passed on as if nobody stood in between, and gets nothing that is for callers who are known", async () => {
    const origin = scene.origin("all");
    const arrived = origin.next();
    origin.handler = ({ response }) =>
      void response
        .writeHead(200, { "content-type": "application/json", "mcp-session-id": "raw-7" })
        .end("{}");
    const answer = await scene.send(
      plain("all", toolCall("invented"), {
        "mcp-session-id": "raw-6",
        "last-event-id": "e-1",
        "x-team": "bees",
        "x-other": "wasps",
        authorization: "Bearer theirs",
      }),
    );
    expect([answer.status, answer.headers.get("mcp-session-id")]).toEqual([200, "raw-7"]);
    expect(answer.headers.has("countersign-receipt")).toBe(false);
    expect(beyondFraming(await arrived)).toEqual({
      accept: "application/json, text/event-stream",
      "content-type": "application/json",
      "mcp-session-id": "raw-6",
      "last-event-id": "e-1",
      "x-team": "bees",
    });
    const row = (await scene.rows([decisionOf(answer)])).get(decisionOf(answer));
    expect(row).toMatchObject({
      verdict: "observed",
      principal: "unverified",
      tool: null,
      method: "tools/call",
    });
    expect(JSON.parse(row?.checks ?? "")).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^observed\.evidence:/),
        "observed.agent:policy.caller_unknown",
        "observed.tool:policy.tool_unlisted",
      ]),
    );
    const outcome = `${decisionOf(answer)}.outcome`;
    expect((await scene.rows([outcome])).get(outcome)).toMatchObject({ status: 200, reason: null });
  });

  test("may send one request any number of times, where the origin takes that", async () => {
    const wire = plain("all", toolCall());
    expect([await send(wire), await send(wire)]).toEqual(["200", "200"]);
    const answer = await scene.send(wire);
    expect((await scene.rows([decisionOf(answer)])).get(decisionOf(answer))?.tool).toBe("search");
  });
});

describe("a caller who is known, with something that is only observed", () => {
  const lacking = { actions: [...SESSION_ACTIONS] };

  test("keeps sealed sessions, and has a receipt", async () => {
    const origin = scene.origin("all");
    origin.handler = ({ response }) =>
      void response
        .writeHead(200, { "content-type": "application/json", "mcp-session-id": "raw-9" })
        .end("{}");
    const begun = await scene.send(await signed("all", toolCall(), lacking));
    const sealed = begun.headers.get("mcp-session-id") ?? "";
    expect(sealed).not.toContain("raw-9");
    expect(begun.headers.get("countersign-ect")).toBe("recorded");
    const [, claims = ""] = begun.headers.get("countersign-receipt")?.split(".") ?? [];
    expect(JSON.parse(Buffer.from(claims, "base64url").toString())).toMatchObject({
      verdict: "observed",
      reason: "capability.missing",
      sub: "agent:reader",
    });
    const arrived = origin.next();
    const wire = await signed("all", toolCall(), { ...lacking, headers: { "mcp-session-id": sealed } });
    expect(await send(wire)).toBe("200");
    expect(beyondFraming(await arrived)["mcp-session-id"]).toBe("raw-9");
  });

  test("has its evidence used up: the same again is refused where that is not observed", async () => {
    const wire = await signed("only-evidence", toolCall(), lacking);
    expect([await send(wire), await send(wire)]).toEqual(["200", "403 replay.ect"]);
  });

  describe("whose signature covers less than all", () => {
    const courier = (body: string) => signed("only-evidence", body, { caller: scene.courier });

    test("a header that somebody has added: the call goes on once", async () => {
      const wire = await courier(toolCall());
      const changed = withHeader(wire, "x-mcp-attestation", "junk");
      expect([await send(changed), await send(changed), await send(wire)]).toEqual([
        "200",
        "403 replay.ect",
        "403 replay.ect",
      ]);
    });

    test("an ECT that is of another run, and no nonce: nothing could be used up, so it is refused", async () => {
      const caller = scene.courier;
      for (const [tenant, expected] of [
        ["only-evidence", "403 ect.mandate_not_named"],
        ["all", "200"],
      ] as const) {
        const run = { ...(await scene.run(tenant, { actions: ACTIONS, caller })), pred: () => ["another"] };
        expect(await send(await scene.sign(tenant, toolCall(), { caller, run }))).toBe(expected);
      }
    });
  });

  test("is followed by others: an observed step is no denied parent", async () => {
    const run = await scene.run("only-tool", { actions: ACTIONS });
    const first = await scene.send(await scene.sign("only-tool", toolCall("purge"), { run }));
    expect([told(first), first.headers.get("countersign-ect")]).toEqual(["200", "recorded"]);
  });
});

describe.each(SDKS)("$name, without any evidence", ({ connect, tenant: kind }) => {
  test("works as it does at the server itself", async () => {
    const exchanges: string[] = [];
    const noting: typeof fetch = async (input, init) => {
      const response = await fetch(input, init);
      exchanges.push(`${response.status} ${response.headers.has("countersign-decision")}`);
      return response;
    };
    const used = async (url: string) => {
      const client: Connected = await connect(url, noting);
      const tools = await client.tools();
      const found = await client.call("search", { query: "wax" });
      const failed = await client.call("fails", { query: "wax" });
      const both = await Promise.all(["a", "b"].map((query) => client.call("sealed", { query })));
      await client.close();
      return { tools, found, failed, both };
    };
    const direct = await used(kind === "legacy" ? stateful.url : modern.url);
    exchanges.splice(0);
    expect(await used(scene.endpoint(kind))).toEqual(direct);
    expect(exchanges.filter((exchange) => !/^(200|202|405) true$/.test(exchange))).toEqual([]);
  });

  test("is refused where nothing is observed", async () => {
    await expect(connect(scene.endpoint("strict"), fetch)).rejects.toThrow();
  });
});

describe("the report", () => {
  const report = async (query = "", grants = AUDITOR) => {
    const answer = await scene.send(await visitWire(scene, "reported", `audit/observed${query}`, { grants }));
    return { status: answer.status, told: told(answer), body: JSON.parse(answer.text) };
  };

  test("counts by gate, reason, principal and tool", async () => {
    const begun = Date.now();
    const wires = [
      plain("reported", toolCall()),
      plain("reported", toolCall("invented")),
      await signed("reported", toolCall("purge")),
      await signed("reported", toolCall("purge")),
      await signed("reported", toolCall(), { actions: [...SESSION_ACTIONS] }),
      await signed("reported", toolCall()),
    ];
    const answers = [];
    for (const wire of wires) answers.push(await scene.send(wire));
    expect(answers.map(told)).toEqual(wires.map(() => "200"));
    await scene.rows(answers.map(decisionOf));

    const { body } = await report(`?from=${begun}`);
    expect(body).toMatchObject({
      tenant: "reported",
      from: begun,
      to: null,
      counted_from: begun,
      complete: true,
      calls: { admitted: 1, observed: 5, denied: 0 },
      more: false,
    });
    const lines = body.observed.map((line: Record<string, unknown>) =>
      [line.calls, line.gate, line.reason, line.principal, line.tool].join(" "),
    );
    expect(lines[0]).toMatch(/^2 /);
    expect(new Set(lines)).toEqual(
      new Set([
        "2 tool policy.scope_too_narrow agent:reader purge",
        "1 evidence capability.missing agent:reader search",
        "1 evidence bearer.missing unverified search",
        "1 agent policy.caller_unknown unverified search",
        "1 tool policy.tool_not_granted unverified search",
        "1 evidence bearer.missing unverified ",
        "1 agent policy.caller_unknown unverified ",
        "1 tool policy.tool_unlisted unverified ",
      ]),
    );
    const [most] = body.observed;
    expect(most.first).toBeGreaterThanOrEqual(begun);
    expect(most.last).toBeGreaterThanOrEqual(most.first);
    expect((await report(`?from=${begun}&to=${begun + 1}`)).body.calls).toEqual({
      admitted: 0,
      observed: 0,
      denied: 0,
    });
  });

  test("and the export holds with what was observed", async () => {
    const answers = [await scene.send(plain("exported", toolCall()))];
    for (const wire of await FAULTS.admission("exported")) answers.push(await scene.send(wire));
    answers.push(await scene.send(await signed("exported", toolCall("sealed"))));
    expect(answers.map(told)).toEqual(answers.map(() => "200"));
    const text = (await scene.send(await visitWire(scene, "exported", "audit/export", { grants: AUDITOR })))
      .text;
    const published = await (await fetch(wellKnownUrl("published", scene.endpoint("exported")))).json();
    const receipts = answers.flatMap(({ headers }) => headers.get("countersign-receipt") ?? []);
    expect(receipts.length).toBe(3);
    const means = await meansOf(published as never, receipts, []);
    if (!means.ok) throw new Error(means.error);
    const verified = await verifyExport(splitLines(each([Buffer.from(text)])), means.value);
    expect(verified).toMatchObject({ ok: true, value: { findings: [] } });
    expect(text.split('"verdict":"observed"').length - 1).toBe(3);
  });

  test("is for auditors, and takes a period alone", async () => {
    expect((await report("", ["mcp.search"])).told).toBe("403 capability.missing");
    for (const query of ["?from=x", "?since=1", "?from=2&to=1", "?after=1&checkpoint=1"])
      expect((await report(query)).told).toBe("400 endpoint.query");
  });
});
