/** Runs cases against the Worker and says what was seen beside what was expected. */

import {
  bodyBytes,
  type Case,
  DEFAULT_ANSWER,
  type Expectation,
  type Step,
  type Tenants,
  wireBytes,
} from "../../scripts/vectors/format.ts";
import { applyMergePatch } from "../../scripts/vectors/make/merge-patch.ts";
import { type Arrival, closedPort, type Handler, type Origin, startOrigin } from "../socket/origin.ts";
import type { Answer } from "../socket/raw.ts";
import { type AuditRow, type Moment, openPlace, type Place } from "./place.ts";

/** Of one request of a case. Equal where all is as it should be. */
export interface Result {
  readonly expected: Readonly<Record<string, unknown>>;
  readonly seen: Readonly<Record<string, unknown>>;
}

/** One exchange, before the audit log is read. */
interface Exchange {
  readonly step: Step;
  readonly answer: Answer;
  readonly arrivals: readonly Arrival[];
}

/** Results by id of the case, for each of its requests in their order. */
export async function runCases(
  cases: readonly Case[],
  tenants: Tenants,
): Promise<ReadonlyMap<string, readonly Result[]>> {
  const origin = await startOrigin();
  const unreachable = `http://127.0.0.1:${await closedPort()}/mcp`;
  const place = await openPlace(cases.map((one) => documentOf(one, tenants, origin, unreachable)));
  try {
    const exchanges = new Map<string, readonly Exchange[]>();
    for (const { moment, cases: together } of byMoment(cases)) {
      if (moment !== null) await place.set(moment);
      await eachOf(together, moment === null ? 1 : AT_ONCE, async (one) => {
        exchanges.set(one.id, await runCase(one, place, origin));
      });
    }
    const decisions = [...exchanges.values()]
      .flat()
      .filter(isLogged)
      .map(({ answer }) => decisionOf(answer));
    const rows = await place.rows(decisions);
    return new Map([...exchanges].map(([id, made]) => [id, made.map((exchange) => compare(exchange, rows))]));
  } finally {
    await place.close();
    await origin.close();
  }
}

/** Cases of one moment share nothing, so they can run beside each other. */
const AT_ONCE = 8;

/** Cases in which nothing moves, by their moment; and, without one, all others. */
function byMoment(cases: readonly Case[]): { moment: Moment | null; cases: Case[] }[] {
  const groups = new Map<string, { moment: Moment | null; cases: Case[] }>();
  for (const one of cases) {
    const moment = moves(one) ? null : momentOf(one, one);
    const group = groups.get(JSON.stringify(moment)) ?? { moment, cases: [] };
    groups.set(JSON.stringify(moment), group);
    group.cases.push(one);
  }
  return [...groups.values()];
}

/** Whether the clock or what others publish is not the same for all requests of a case. */
const moves = (one: Case): boolean =>
  new Set([...(one.before ?? []), one].map((step) => JSON.stringify(momentOf(one, step)))).size > 1;

const momentOf = ({ environment = [] }: Case, { clock, remote = {} }: Step): Moment => ({
  clock,
  environment,
  remote,
});

/** Does the work for all items, so many at once. */
async function eachOf<T>(
  items: readonly T[],
  atOnce: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const left = items.values();
  const worker = async () => {
    for (const item of left) await work(item);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}

/** The tenant document of a case, with the address of our own origin in it. */
function documentOf(
  { id, tenant, change = {}, ...one }: Case,
  tenants: Tenants,
  origin: Origin,
  unreachable: string,
): string {
  const document = applyMergePatch(tenants[tenant], change) as { origin: object; id: string };
  const url = one.origin === "unreachable" ? unreachable : origin.path(id).url;
  return JSON.stringify({ ...document, id, origin: { ...document.origin, url } });
}

async function runCase(one: Case, place: Place, origin: Origin): Promise<readonly Exchange[]> {
  const path = origin.path(one.id);
  const exchanges: Exchange[] = [];
  const isMoving = moves(one);
  for (const step of [...(one.before ?? []), one]) {
    if (isMoving) await place.set(momentOf(one, step));
    path.handler = handlerOf(step.origin);
    path.arrivals.length = 0;
    const answer = await place.send(wireBytes(step.request));
    exchanges.push({ step, answer, arrivals: [...path.arrivals] });
  }
  return exchanges;
}

function handlerOf(origin: Step["origin"]): Handler {
  if (origin === "silent" || origin === "unreachable") return () => {};
  const { status, headers, body } = origin ?? DEFAULT_ANSWER;
  return ({ response }) => void response.writeHead(status, headers).end(body);
}

const decisionOf = ({ headers }: Answer): string => headers.get("countersign-decision") ?? "";

/** Denials before a tenant is known are in no log, and what is answered without evidence is no decision. */
const isLogged = ({ step: { expect } }: Exchange): boolean =>
  expect.verdict === "admitted" ||
  expect.verdict === "observed" ||
  (expect.verdict === "denied" && shownReason(expect) !== expect.reason);

const shownReason = ({ error }: Expectation): string | undefined => error?.reason;

function compare({ step, answer, arrivals }: Exchange, rows: ReadonlyMap<string, AuditRow>): Result {
  const { expect } = step;
  const body = jsonOf(answer.text);
  const decided = isLogged({ step, answer, arrivals }) ? rows.get(decisionOf(answer)) : undefined;
  const [arrival] = arrivals;
  const received = Object.fromEntries(
    (arrival?.rawHeaders ?? []).map(([name, value]) => [name.toLowerCase(), value]),
  );
  const arrives =
    (expect.verdict === "admitted" || expect.verdict === "observed") && expect.forwarded !== null;
  return {
    expected: {
      status: expect.status,
      verdict: expect.verdict,
      reason: "reason" in expect ? expect.reason : null,
      error: expect.error,
      ...(expect.body !== undefined && { body: expect.body }),
      ...(expect.headers && { headers: expect.headers }),
      ...(expect.forwarded && { forwarded: expect.forwarded }),
      arrivals: arrives ? 1 : 0,
      arrived: arrives ? bodyBytes(step.request.body).toString("base64") : undefined,
    },
    seen: {
      status: answer.status,
      verdict: decided?.verdict ?? (expect.verdict === "answered" ? "answered" : "denied"),
      reason: decided === undefined ? (errorOf(body)?.reason ?? null) : decided.reason,
      error: errorOf(body),
      ...(expect.body !== undefined && { body }),
      ...(expect.headers && { headers: pick(expect.headers, (name) => answer.headers.get(name)) }),
      ...(expect.forwarded && { forwarded: pick(expect.forwarded, (name) => received[name]) }),
      arrivals: arrivals.length,
      arrived: arrival?.body.toString("base64"),
    },
  };
}

const pick = (
  wanted: Readonly<Record<string, string | null>>,
  get: (name: string) => string | undefined,
): Record<string, string | null> =>
  Object.fromEntries(Object.keys(wanted).map((name) => [name, get(name) ?? null]));

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** What a verifier's own JSON-RPC error says; undefined for anything else. */
function errorOf(body: unknown): Expectation["error"] {
  const error = (body as { error?: { code: number; data?: { reason?: string } } } | null | undefined)?.error;
  return error?.data?.reason === undefined ? undefined : { code: error.code, reason: error.data.reason };
}
