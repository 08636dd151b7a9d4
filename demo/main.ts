/**
 * The demo: an honest agent, then every attack, then the same decisions read back from the audit log.
 * Exit status 0 when every verdict is the expected one.
 */

import { ATTACKS, type Attack, send } from "./attacks.ts";
import { type AuditRow, readAudit } from "./audit.ts";
import { runHonestAgent, type Stage, setStage } from "./stage.ts";
import { table } from "./table.ts";

interface Row {
  readonly call: string;
  readonly verdict: "admitted" | "refused";
  /** What the caller was told. */
  readonly answer: string;
  readonly decision: string;
  /** The reason the audit log must have; null for an admission. */
  readonly expected: string | null;
  /** What was not as expected; empty where all was. */
  readonly surprises: readonly string[];
}

const stage = await setStage();
try {
  const made = [...(await callHonestly(stage)), ...(await attackAll(stage))];
  const audit = await readAudit(
    stage.countersign,
    made.map(({ decision }) => decision),
  );
  const rows = made.map((row) => compare(row, audit.get(row.decision)));
  console.log(
    table(
      ["call", "verdict", "reason in the audit log", "what the caller was told"],
      rows.map((row) => [row.call, row.verdict, audit.get(row.decision)?.reason ?? "", row.answer]),
    ),
  );
  const surprises = rows.flatMap((row) => row.surprises.map((surprise) => `${row.call}: ${surprise}`));
  for (const surprise of surprises) console.log(`surprise: ${surprise}`);
  const count = (verdict: Row["verdict"]) => rows.filter((row) => row.verdict === verdict).length;
  console.log(
    `demo: ${count("admitted")} calls admitted, ${count("refused")} attacks refused, ${surprises.length} surprises`,
  );
  process.exitCode = surprises.length === 0 ? 0 : 1;
} finally {
  await stage.close();
}

async function callHonestly(stage: Stage): Promise<Row[]> {
  const done = await runHonestAgent(stage);
  return done.map((call) => ({ ...call, verdict: "admitted", expected: null, surprises: [] }));
}

async function attackAll(stage: Stage): Promise<Row[]> {
  const rows: Row[] = [];
  for (const attack of ATTACKS) rows.push(await tryAttack(stage, attack));
  return rows;
}

async function tryAttack(stage: Stage, attack: Attack): Promise<Row> {
  const forged = await attack.forge(stage);
  const before = stage.server.seen.length;
  const response = await send(stage, forged);
  const told = refusalIn(await response.text());
  const answer = `${response.status} ${told ?? "the tool's answer"}`;
  const reached = stage.server.seen.length > before;
  return {
    call: attack.name,
    verdict: told === null ? "admitted" : "refused",
    answer,
    decision: response.headers.get("countersign-decision") ?? "",
    expected: attack.reason,
    surprises: [
      ...(reached ? ["it reached the MCP server"] : []),
      ...(answer === attack.told ? [] : [`expected the answer ${attack.told}, was ${answer}`]),
    ],
  };
}

/** The reason in a JSON-RPC error of Countersign, or in the tool result of a failed attestation; null for neither. */
function refusalIn(body: string): string | null {
  try {
    const { error, result } = JSON.parse(body);
    if (error !== undefined) return error.data.reason;
    const told = JSON.parse(result.content[0].text);
    return told.attestationError ? told.reason : null;
  } catch {
    return null;
  }
}

/** Holds what the caller saw against what the audit log says. */
function compare(row: Row, record: AuditRow | undefined): Row {
  const surprises = [...row.surprises];
  if (record === undefined) surprises.push("the audit log does not have it");
  else {
    const logged = record.verdict === "admitted" ? "admitted" : "refused";
    if (logged !== row.verdict) surprises.push(`the audit log says ${record.verdict}`);
    if (record.reason !== row.expected) {
      surprises.push(`expected ${row.expected ?? "no reason"}, the audit log says ${record.reason}`);
    }
  }
  if ((row.expected === null) !== (row.verdict === "admitted")) surprises.push(`was ${row.verdict}`);
  return { ...row, surprises };
}
