/** How a run is read from the log while others write to it, and what is too much; `test/socket/runs.test.ts` asks as callers do. */

import { env } from "cloudflare:workers";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { insertRecords } from "../../src/audit/d1.ts";
import { type AuditRecord, GENESIS, type RecordedEvidence } from "../../src/audit/record.ts";
import { runId } from "../../src/endpoints/endpoint.ts";
import { showRun } from "../../src/endpoints/runs.ts";
import type { Visit } from "../../src/endpoints/visit.ts";
import { MAX_PRED, MAX_SHOWN_PARENTS } from "../../src/limits.ts";
import { facts, T } from "../ledger/helpers.ts";
import { tenant as acme } from "../support/acme.ts";

beforeEach(() => void vi.spyOn(console, "error").mockReturnValue());
afterEach(() => void vi.restoreAllMocks());

const RUN = '["jti","https://issuer.example","m"]';

const visit = (tenant: string, name = "ada"): Visit =>
  ({
    tenant: { ...acme, id: tenant },
    caller: { kind: "agent", agent: { name, lanes: new Set([0]) }, mandate: { chain: [] } },
    isAuditor: false,
  }) as unknown as Visit;

function decision(tenant: string, seq: number, evidence: Partial<RecordedEvidence>): AuditRecord {
  const id = `${tenant}-${seq}`;
  const principal = "agent:ada";
  const mandate = '["https://issuer.example","m"]';
  const own = { v: 3, id, kind: "decision", decision: id, chain: `chain of ${tenant}`, seq } as const;
  const none = {
    reason: null,
    status: null,
    execution: null,
    output_hash: null,
    delivered_hash: null,
    latency_ms: null,
  };
  return {
    ...facts({ tenant, principal, mandate }),
    ...none,
    ...own,
    time: T * 1000 + seq,
    verdict: "admitted",
    run: RUN,
    evidence: {
      mandate: { digest: "d", iat: T, exp: T + 900 },
      ect: null,
      attestation: null,
      token: null,
      approval: null,
      record: null,
      ...evidence,
    },
    digest: id,
    prev_hash: GENESIS,
    hash: `hash of ${id}`,
  };
}

const step = (tenant: string, seq: number, pred: readonly string[] = ["m"]): AuditRecord =>
  decision(tenant, seq, {
    ect: { jti: `step ${seq}`, iat: T, level: 2, pred, foreign: [], joined: true },
  });

const handedIn = (tenant: string, seq: number, pred: readonly string[]): AuditRecord =>
  decision(tenant, seq, {
    record: {
      iss: "https://issuer.example",
      jti: "m",
      run: RUN,
      digest: "r",
      exec_act: "mcp.search",
      exec_ts: T,
      status: "completed",
      pred,
    },
  });

const store = async (...records: readonly AuditRecord[]): Promise<void> =>
  expect(
    await insertRecords(
      env.AUDIT,
      records.map((record) => JSON.stringify(record)),
    ),
  ).toEqual([]);

/** The log, which does this before it is asked for denials: the steps have been read by then. */
const meanwhile = (work: () => Promise<void>): Env => ({
  ...env,
  AUDIT: {
    prepare: (query: string) => ({
      bind: (...values: unknown[]) => ({
        all: async () => {
          if (query.includes("d.verdict = 'denied'")) await work();
          return env.AUDIT.prepare(query)
            .bind(...values)
            .all();
        },
      }),
    }),
  } as unknown as D1Database,
});

async function shown(tenant: string, by: Env): Promise<Response> {
  const answer = await showRun(RUN, visit(tenant), by);
  if (!answer.ok) throw new Error(answer.error);
  return answer.value;
}

test("a step and a record that names it, both written while the run is read, do not make it malformed", async () => {
  await store(step("busy", 1));
  const answer = await shown(
    "busy",
    meanwhile(() => store(step("busy", 2, ["m", "step 1"]), handedIn("busy", 3, ["step 2"]))),
  );
  expect(await answer.json()).toMatchObject({
    run: runId(RUN),
    steps: [{ decision: "busy-1" }],
    wellFormed: true,
    faults: [],
    records: [],
  });
  const later = await (await shown("busy", env)).json();
  expect(later).toMatchObject({ wellFormed: true, records: [{ pred: ["step 2"] }] });
});

test("where the log stops answering in the middle, the answer is no whole one", async () => {
  await store(step("broken", 1));
  const answer = await shown(
    "broken",
    meanwhile(async () => {
      throw new Error("D1 is gone");
    }),
  );
  await expect(answer.text()).rejects.toThrow("the audit log stopped answering");
});

test("a run that would not fit into memory is not begun, and to others it is none all the same", async () => {
  const pred = Array.from({ length: MAX_PRED }, (_, i) => `parent ${i}`);
  const many = Math.floor(MAX_SHOWN_PARENTS / MAX_PRED);
  const size = 200;
  for (let first = 1; first <= many; first += size) {
    const last = Math.min(first + size - 1, many);
    await store(...Array.from({ length: last - first + 1 }, (_, i) => step("large", first + i, pred)));
  }
  const ask = async (name?: string) => {
    const answer = await showRun(RUN, visit("large", name), env);
    return answer.ok ? answer.value.status : answer.error;
  };
  expect(await ask()).toBe(200);
  await store(handedIn("large", many + 1, pred));
  expect(await ask()).toBe("endpoint.run_too_large");
  expect(await ask("bob")).toBe("endpoint.not_found");
});
