/** The audit log against what was really done: by the origin, by the callers, and in the ledgers' own files. */

import { recordFault } from "../../src/audit/chain.ts";
import { type AuditRecord, GENESIS } from "../../src/audit/record.ts";
import { AUDIT_ACTION } from "../../src/endpoints/endpoint.ts";
import { audit } from "./audit.ts";
import { type LedgerOnDisk, ledgersOnDisk, logOnDisk } from "./disk.ts";
import type { Place } from "./place.ts";
import { countOf, type Report, sleep } from "./report.ts";
import { type Call, decisionFor, receiptsOf } from "./traffic.ts";

/** A ledger that D1 failed waits a minute at most before it tries again. */
const SETTLE_MS = 90_000;

/** The log is complete when nothing has come for so long: outcomes wait a second, and the alarm another. */
const QUIET_MS = 3_000;

/** Waits until D1 has every decision that these calls were told of, and no more records come. */
export async function waitForLog(place: Place, calls: readonly Call[]): Promise<void> {
  const told = calls.map(decisionFor).filter((decision) => decision !== null);
  const wanted = JSON.stringify(told);
  let [count, since] = [-1, Date.now()];
  for (const deadline = Date.now() + SETTLE_MS; Date.now() < deadline; await sleep(250)) {
    const d1 = await place.scene.runtime.d1();
    const [all, known] = await d1.batch<{ n: number }>([
      d1.prepare("SELECT COUNT(*) AS n FROM audit_records"),
      d1
        .prepare("SELECT COUNT(*) AS n FROM audit_records WHERE id IN (SELECT value FROM json_each(?))")
        .bind(wanted),
    ]);
    const rows = all?.results[0]?.n ?? 0;
    if (rows !== count) [count, since] = [rows, Date.now()];
    if ((known?.results[0]?.n ?? 0) === told.length && Date.now() - since > QUIET_MS) return;
  }
}

/**
 * Compares everything with everything. Stops what runs, to read the files.
 *
 * @param calls all that were sent
 */
export async function examine(place: Place, calls: readonly Call[]): Promise<Report> {
  await waitForLog(place, calls);
  const audited = await audit(place, receiptsOf(calls));
  await place.scene.runtime.dispose();
  const { records, setAside } = await logOnDisk(place.stateDir);
  const chains = byChain(records);
  const [gaps, broken] = [gapsIn(chains), await brokenIn(chains)];
  const missing = missingIn(chains, await ledgersOnDisk(place.stateDir));
  const admitted = records.filter(isAdmission);
  const admissions = admissionsOf(records);
  const seen = calls.filter(({ mark }) => place.arrivals(mark) > 0);
  const unseen = calls.filter((call) => decisionFor(call) !== null && place.arrivals(call.mark) === 0);
  const outcomes = countOf(records.filter(({ kind }) => kind === "outcome").map(({ decision }) => decision));
  return {
    counts: {
      lost: seen.filter((call) => admissions(call) === 0).length + gaps + missing,
      doubled:
        calls.filter((call) => admissions(call) > 1).length +
        Object.values(outcomes).filter((count) => count > 1).length,
      replayed: calls.reduce((sum, { mark }) => sum + Math.max(place.arrivals(mark) - 1, 0), 0),
      tampered: broken.length,
    },
    shown: {
      calls: calls.length,
      "seen by the origin": seen.length,
      records: records.length,
      "admitted and not forwarded": admitted.length - new Set(place.seen).size,
      "without outcome": admitted.filter(({ decision }) => outcomes[decision] === undefined).length,
    },
    faults: [
      ...broken,
      ...(audited.code === 0 ? [] : [`an auditor finds: ${audited.text}`]),
      ...setAside.map(({ chain, seq }) => `record ${seq} of chain ${chain} was set aside`),
      ...(unseen.length > 0 ? [`${unseen.length} calls were served that the origin did not see`] : []),
      ...(place.seen.some((mark) => mark === "") ? ["the origin saw a call without a mark"] : []),
    ],
  };
}

/** How often a call is admitted in these records. */
export function admissionsOf(records: readonly AuditRecord[]): (call: Call) => number {
  const admitted = records.filter(isAdmission);
  const byHash = countOf(admitted.map(({ input_hash }) => input_hash ?? ""));
  const ids = new Set(admitted.map(({ id }) => id));
  return (call) =>
    call.inputHash !== null ? (byHash[call.inputHash] ?? 0) : ids.has(decisionFor(call) ?? "") ? 1 : 0;
}

/** Of a call; not of an auditor, whose requests no origin sees. */
const isAdmission = ({ kind, verdict, action }: AuditRecord): boolean =>
  kind === "decision" && verdict === "admitted" && action !== AUDIT_ACTION;

type Chains = ReadonlyMap<string, readonly AuditRecord[]>;

const byChain = (records: readonly AuditRecord[]): Chains =>
  Map.groupBy(
    records.toSorted((a, b) => a.seq - b.seq),
    ({ chain }) => chain,
  );

/** Records that are not there, before others of their chain that are. */
const gapsIn = (chains: Chains): number =>
  [...chains.values()].reduce((sum, records) => sum + (records.at(-1)?.seq ?? 0) - records.length, 0);

/** Records that do not verify behind the one before them. */
async function brokenIn(chains: Chains): Promise<string[]> {
  const faults: string[] = [];
  for (const [chain, records] of chains) {
    let prev = GENESIS;
    for (const record of records) {
      const fault = await recordFault(record, prev);
      if (fault !== null) faults.push(`${fault} of record ${record.seq} of chain ${chain}`);
      prev = record.hash;
    }
  }
  return faults;
}

/** Records that a ledger takes D1 to have, and D1 has not, or has others in their place. */
const missingIn = (chains: Chains, ledgers: readonly LedgerOnDisk[]): number =>
  ledgers.reduce((sum, { chain, drained, journal }) => {
    const records = chains.get(chain) ?? [];
    const logged = new Map(records.map(({ seq, hash }) => [seq, hash]));
    const others = journal.filter(({ seq, hash }) => logged.has(seq) && logged.get(seq) !== hash);
    return sum + others.length + Math.max(drained - (records.at(-1)?.seq ?? 0), 0);
  }, 0);
