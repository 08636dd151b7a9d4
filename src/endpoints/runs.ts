/** `GET <tenant>/runs/<id>`: the graph of a run, and whether it is well-formed. */

import { parentPolicy } from "../attempt.ts";
import { isForwarded } from "../audit/record.ts";
import { newRunGraph, type RunGraph } from "../audit/run-graph.ts";
import {
  isInRun,
  type RunDecision,
  type RunName,
  readRecords,
  readSection,
  readSetAside,
  readSize,
  SECTIONS,
  type SetAside,
} from "../audit/run-rows.ts";
import { streamOf } from "../bytes/stream-of.ts";
import { utf8 } from "../encoding.ts";
import { type AgentCaller, agentPrincipal, principalOf } from "../evidence/caller.ts";
import { settle } from "../ledger/client.ts";
import { ledgerName } from "../ledger/names.ts";
import { MAX_SHOWN_PARENTS, MAX_SHOWN_RUN } from "../limits.ts";
import { OWN_PREFIX } from "../policy/actions.ts";
import type { Reason } from "../reasons.ts";
import { fail, ok, type Result } from "../result.ts";
import type { Tenant } from "../tenant/tenant.ts";
import { runId } from "./endpoint.ts";
import type { Visit } from "./visit.ts";

export async function showRun(
  run: string,
  { tenant, caller, isAuditor }: Visit,
  env: Env,
): Promise<Result<Response, Reason>> {
  const settled = await settleBeside(caller, tenant, env);
  if (!settled.ok) return settled;
  const name: RunName = { tenant: tenant.id, run };
  const principal = isAuditor ? null : principalOf(caller);
  const shows = (other: string) => principal === null || other === principal;
  const aside = await readSetAside(env.AUDIT, name);
  if (!aside.ok) return aside;
  const isThere = await isInRun(env.AUDIT, name, principal);
  if (!isThere.ok) return isThere;
  if (!isThere.value && !aside.value.decisions.some((decision) => shows(decision.principal)))
    return fail("endpoint.not_found");
  const size = await readSize(env.AUDIT, name, MAX_SHOWN_RUN);
  if (!size.ok) return size;
  if (size.value.entries > MAX_SHOWN_RUN || size.value.parents > MAX_SHOWN_PARENTS)
    return fail("endpoint.run_too_large");

  const asks = { ...parentPolicy(tenant), revision: tenant.revision };
  const graph = newRunGraph({ shows, asks });
  // Before the steps: what a record names was written down before it, so then it is found.
  const records = await readRecords(env.AUDIT, name, aside.value);
  if (!records.ok) return records;
  for (const record of records.value) graph.addRecord(record);
  const body = streamOf(write({ db: env.AUDIT, name, aside: aside.value, graph, shows }));
  return ok(new Response(body, { headers: { "Content-Type": "application/json" } }));
}

/**
 * Has the ledgers write into D1 what is on its way: of the caller, which may ask for what it has just done, and of those whose
 * mandates its own derives from, whose steps it may follow.
 */
async function settleBeside(
  { agent, mandate: { chain } }: AgentCaller,
  tenant: Tenant,
  env: Env,
): Promise<Result<void, Reason>> {
  const agents = new Set([agent, ...chain.map((link) => link.agent)]);
  const homes = [...agents].flatMap((one) =>
    [...one.lanes].map((lane) => ledgerName(tenant.id, agentPrincipal(one), lane)),
  );
  const settled = await Promise.all(homes.map((home) => settle(env, home)));
  return settled.every((home) => home.ok) ? ok(undefined) : fail("endpoint.log_unavailable");
}

interface Reading {
  readonly db: D1Database;
  readonly name: RunName;
  readonly aside: SetAside;
  readonly graph: RunGraph;
  readonly shows: (principal: string) => boolean;
}

/** The answer's text, piece by piece: a run may have more decisions than there is memory for. */
async function* write({ db, name, aside, graph, shows }: Reading): AsyncGenerator<Uint8Array> {
  yield utf8(`{"run":${JSON.stringify(runId(name.run))}`);
  for (const section of SECTIONS) {
    let before = `,"${section}":[`;
    for await (const page of readSection(db, name, section, aside)) {
      for (const decision of page) graph.add(decision);
      const shown = page.filter((decision) => shows(decision.principal) && !isOwn(decision));
      if (shown.length === 0) continue;
      yield utf8(before + shown.map((decision) => JSON.stringify(entryOf(decision))).join(","));
      before = ",";
    }
    yield utf8(before === "," ? "]" : `${before}]`);
  }
  yield utf8(`,${JSON.stringify(graph.judge()).slice(1)}`);
}

/** A request to an endpoint of ours belongs to no run, though its mandate does: this answer would never be the same twice. */
const isOwn = ({ verdict, action }: RunDecision): boolean =>
  isForwarded(verdict) && action?.startsWith(OWN_PREFIX) === true;

/** What is shown of a decision. */
function entryOf({ evidence, mandate, outcome, ...decision }: RunDecision): object {
  const { decision: id, time, principal, method, tool, action, verdict, reason, status } = decision;
  const [iss, jti] = JSON.parse(mandate ?? "[]") as string[];
  return {
    decision: id,
    time,
    principal,
    mandate: { iss, jti },
    method,
    tool,
    action,
    verdict,
    reason,
    status,
    ect: evidence?.ect ?? null,
    outcome,
  };
}
