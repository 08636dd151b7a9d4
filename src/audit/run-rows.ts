/** Reads the decisions of a run from D1, page by page. */

import { RUN_PAGE } from "../limits.ts";
import type { Reason } from "../reasons.ts";
import { ok, type Result } from "../result.ts";
import { queryLog } from "./query.ts";
import { type AuditRecord, isForwarded, type RecordedEvidence } from "./record.ts";
import type { OwnedRecord, RunRecord } from "./run.ts";

/** A decision of a run, and what became of it. */
export interface RunDecision extends RunRecord, Pick<AuditRecord, "status" | "method" | "tool" | "action"> {
  /** Null where there is none, or none yet. */
  readonly outcome: RunOutcome | null;
}

type RunOutcome = Pick<AuditRecord, "status" | "reason" | "time" | "latency_ms">;

/** Steps of the graph; what was denied and is none; what was admitted and is none. */
export const SECTIONS = ["steps", "denials", "calls"] as const;
export type Section = (typeof SECTIONS)[number];

const CONDITIONS: Readonly<Record<Section, string>> = {
  steps: "d.evidence ->> '$.ect.joined' = 1",
  denials: "d.evidence ->> '$.ect.joined' IS NOT 1 AND d.verdict = 'denied'",
  calls: "d.evidence ->> '$.ect.joined' IS NOT 1 AND d.verdict <> 'denied'",
};

const sectionOf = ({ evidence, verdict }: RunDecision): Section => {
  if (evidence?.ect?.joined) return "steps";
  return verdict === "denied" ? "denials" : "calls";
};

interface DecisionRow extends Omit<RunDecision, "evidence" | "outcome"> {
  readonly evidence: string | null;
  readonly outcome_status: number | null;
  readonly outcome_reason: Reason | null;
  readonly outcome_time: number | null;
  readonly outcome_latency: number | null;
}

const SELECT = `SELECT d.decision, d.chain, d.seq, d.time, d.verdict, d.reason, d.principal, d.mandate, d.revision,
    d.status, d.method, d.tool, d.action, d.evidence, o.status AS outcome_status, o.reason AS outcome_reason,
    o.time AS outcome_time, o.latency_ms AS outcome_latency
  FROM audit_records d LEFT JOIN audit_records o ON o.id = d.id || '.outcome'`;

const OF_RUN = "WHERE d.tenant = ? AND d.run = ? AND d.kind = 'decision'";

/** Decisions, of whatever run, under which a record of the run was taken. In one that is denied anybody could name the run. */
const RECORDED = "WHERE d.tenant = ? AND d.evidence ->> '$.record.run' = ? AND d.verdict <> 'denied'";

const decisionOf = ({ evidence, ...row }: DecisionRow): RunDecision => {
  const { outcome_status, outcome_reason, outcome_time, outcome_latency, ...decision } = row;
  const outcome =
    outcome_time === null
      ? null
      : { status: outcome_status, reason: outcome_reason, time: outcome_time, latency_ms: outcome_latency };
  return { ...decision, evidence: JSON.parse(evidence ?? "null"), outcome };
};

export interface RunName {
  readonly tenant: string;
  /** `runKey` */
  readonly run: string;
}

/** Whether a principal, or anybody, has made a decision of the run necessary. */
export async function isInRun(
  db: D1Database,
  { tenant, run }: RunName,
  principal: string | null,
): Promise<Result<boolean, Reason>> {
  const [whose, values] = principal === null ? ["", []] : [" AND d.principal = ?", [principal]];
  const query = `SELECT 1 FROM audit_records d ${OF_RUN}${whose} LIMIT 1`;
  const found = await queryLog(db, query, tenant, run, ...values);
  return found.ok ? ok(found.value.length > 0) : found;
}

/**
 * The decisions of a section, page by page: in order of time, and behind them those that are set aside.
 *
 * @throws where D1 stops answering: what has been sent by then cannot be taken back
 */
export async function* readSection(
  db: D1Database,
  { tenant, run }: RunName,
  section: Section,
  aside: SetAside,
): AsyncGenerator<readonly RunDecision[]> {
  const query = `${SELECT} ${OF_RUN} AND (d.time, d.id) > (?, ?) AND ${CONDITIONS[section]}
    ORDER BY d.time, d.id LIMIT ${RUN_PAGE}`;
  let [time, id] = [0, ""];
  for (let isLast = false; !isLast; ) {
    const page = answered(await queryLog<DecisionRow>(db, query, tenant, run, time, id)).map(decisionOf);
    yield page.map((decision) => ({
      ...decision,
      outcome: decision.outcome ?? aside.outcomes.get(decision.decision) ?? null,
    }));
    const last = page.at(-1);
    isLast = last === undefined || page.length < RUN_PAGE;
    if (last !== undefined) [time, id] = [last.time, last.decision];
  }
  yield aside.decisions.filter((decision) => sectionOf(decision) === section);
}

/** How much there is to judge. */
interface RunSize {
  /** Decisions and records. */
  readonly entries: number;
  /** The parents that they name. */
  readonly parents: number;
}

/** @param most of decisions, and of records, no more than one beyond this are counted */
export async function readSize(
  db: D1Database,
  { tenant, run }: RunName,
  most: number,
): Promise<Result<RunSize, Reason>> {
  const parentsOf = (what: "ect" | "record", where: string) =>
    `SELECT * FROM (SELECT json_array_length(d.evidence, '$.${what}.pred') AS parents
      FROM audit_records d ${where} LIMIT ${most + 1})`;
  const query = `SELECT COUNT(*) AS entries, COALESCE(SUM(parents), 0) AS parents
    FROM (${parentsOf("ect", OF_RUN)} UNION ALL ${parentsOf("record", RECORDED)})`;
  const sizes = await queryLog<RunSize>(db, query, tenant, run, tenant, run);
  return sizes.ok ? ok(sizes.value[0] ?? { entries: 0, parents: 0 }) : sizes;
}

/** The records (phase 2) of the mandates of a run, the earliest first. */
export async function readRecords(
  db: D1Database,
  { tenant, run }: RunName,
  aside: SetAside,
): Promise<Result<readonly OwnedRecord[], Reason>> {
  const query = `SELECT d.decision, d.time, d.principal, d.evidence ->> '$.record' AS record
    FROM audit_records d ${RECORDED}`;
  const rows = await queryLog<RecordRow>(db, query, tenant, run);
  if (!rows.ok) return rows;
  const read = rows.value.map(({ record, ...decision }) => takenOf(decision, JSON.parse(record)));
  return ok([...read, ...aside.records].sort((a, b) => a.time - b.time));
}

type RecordRow = Pick<OwnedRecord, "decision" | "time" | "principal"> & { readonly record: string };

const takenOf = (
  { decision, time, principal }: Pick<OwnedRecord, "decision" | "time" | "principal">,
  { run: _, ...said }: NonNullable<RecordedEvidence["record"]>,
): OwnedRecord => ({ ...said, decision, time, principal });

function answered<T>(rows: Result<readonly T[], Reason>): readonly T[] {
  if (!rows.ok) throw new Error("the audit log stopped answering");
  return rows.value;
}

/** What D1 has of the run, but not among its records. */
export interface SetAside {
  readonly decisions: readonly RunDecision[];
  /** By decision. */
  readonly outcomes: ReadonlyMap<string, RunOutcome>;
  readonly records: readonly OwnedRecord[];
}

const SET_ASIDE = `SELECT record FROM audit_set_aside WHERE tenant = ?
  AND (record ->> '$.run' = ? OR record ->> '$.evidence.record.run' = ?)`;

export async function readSetAside(
  db: D1Database,
  { tenant, run }: RunName,
): Promise<Result<SetAside, Reason>> {
  const rows = await queryLog<{ readonly record: string }>(db, SET_ASIDE, tenant, run, run);
  if (!rows.ok) return rows;
  // The columns beside a record are not what its hash is of.
  const all = rows.value
    .map(({ record }) => JSON.parse(record) as AuditRecord)
    .filter((record) => record.tenant === tenant);
  const outcomes = new Map(
    all
      .filter(({ kind }) => kind === "outcome")
      .map(({ decision, status, reason, time, latency_ms }): [string, RunOutcome] => [
        decision,
        { status, reason, time, latency_ms },
      ]),
  );
  const decided = all.filter(({ kind }) => kind === "decision");
  const decisions = decided
    .filter((record) => record.run === run)
    .map((record) => ({ ...record, outcome: outcomes.get(record.decision) ?? null }));
  const records = decided.flatMap(({ evidence, verdict, ...decision }) =>
    evidence?.record?.run === run && isForwarded(verdict) ? [takenOf(decision, evidence.record)] : [],
  );
  return ok({ decisions, outcomes, records });
}
