/** Fills a ledger in its file, while nothing runs. */

import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { seconds } from "../../src/clock.ts";
import { CLAIM_WINDOW, NODE_WINDOW } from "../../src/limits.ts";

/** @throws where a state directory has none, or several */
export async function onlyLedger(stateDir: string): Promise<string> {
  const directory = join(stateDir, "do/countersign-Ledger");
  const files = (await readdir(directory)).filter((name) => /^[0-9a-f]{64}\.sqlite$/.test(name));
  const [only] = files;
  if (only === undefined || files.length > 1) throw new Error(`there are ${files.length} ledgers`);
  return join(directory, only);
}

/** So many windows back no table expires while it is measured: that takes `CLAIM_HORIZON` and `NODE_HORIZON` more. */
const CLAIM_WINDOWS = 2;
const NODE_WINDOWS = 5;

/** Ids and nonces as long as they are, and in no order. */
const RANDOM_ID = "lower(hex(randomblob(16)))";

/** Gives a ledger that has a table of each kind so many nonces of attestations, and as many steps, of runs that are over. */
export function fill(ledger: string, count: number): void {
  const database = new DatabaseSync(ledger);
  try {
    spread(
      database,
      "claims",
      CLAIM_WINDOW,
      CLAIM_WINDOWS,
      count,
      `'attestation ' || ${RANDOM_ID}, ${RANDOM_ID}`,
    );
    // Of a thousand runs; those that begin have positive numbers.
    spread(
      database,
      "nodes",
      NODE_WINDOW,
      NODE_WINDOWS,
      count,
      `${RANDOM_ID}, -(i % 1000), $iat, 2, ${RANDOM_ID}, NULL`,
    );
  } finally {
    database.close();
  }
}

/** Evenly over the latest windows. See src/ledger/windows.ts for their names. */
function spread(
  database: DatabaseSync,
  prefix: string,
  span: number,
  windows: number,
  count: number,
  columns: string,
): void {
  const [made] = tablesOf(database, prefix);
  if (made === undefined) throw new Error(`there is no table ${prefix}`);
  const newest = Math.floor(seconds() / span);
  for (let window = newest - windows + 1; window <= newest; window++) {
    const table = `${prefix}_${window}`;
    database.exec(made.sql.replace(made.name, table).replace("CREATE TABLE", "CREATE TABLE IF NOT EXISTS"));
    database.exec(
      `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${Math.ceil(count / windows)})
      INSERT INTO ${table} SELECT ${columns.replace("$iat", `${window * span}`)} FROM n ORDER BY 1`,
    );
  }
}

/** How many nonces it has. */
export function claimsIn(ledger: string): number {
  const database = new DatabaseSync(ledger);
  try {
    return tablesOf(database, "claims")
      .map(({ name }) => database.prepare(`SELECT count(*) AS rows FROM ${name}`).get()?.rows)
      .reduce((sum: number, rows) => sum + Number(rows), 0);
  } finally {
    database.close();
  }
}

const tablesOf = (database: DatabaseSync, prefix: string): { name: string; sql: string }[] =>
  database
    .prepare("SELECT name, sql FROM sqlite_master WHERE type = 'table' AND name GLOB ?")
    .all(`${prefix}_[0-9]*`)
    .map(({ name, sql }) => ({ name: String(name), sql: String(sql) }));
