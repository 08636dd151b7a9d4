/** The state as it lies on the disk while nothing runs: SQLite databases, one for each ledger and one that D1 is. */

import { copyFile, mkdir, readdir, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { AuditRecord } from "../../src/audit/record.ts";
import { type Row, recordOf } from "../../src/audit/rows.ts";

/** What the database of a ledger says of its journal. */
export interface LedgerOnDisk {
  /** Name of the database, without its ending. */
  readonly id: string;
  readonly principal: string;
  readonly chain: string;
  /** The number up to which it takes D1 to have its records. */
  readonly drained: number;
  /** The records that are still there, in order. */
  readonly journal: readonly AuditRecord[];
}

/** What D1 has. */
export interface LogOnDisk {
  readonly records: readonly AuditRecord[];
  /** Those that do not fit into the log, beside it. */
  readonly setAside: readonly AuditRecord[];
}

const ledgersIn = (stateDir: string): string => join(stateDir, "do/countersign-Ledger");
const d1In = (stateDir: string): string => join(stateDir, "d1/miniflare-D1DatabaseObject");

/** Ledgers that have written a record. */
export const ledgersOnDisk = (stateDir: string): Promise<LedgerOnDisk[]> =>
  readEach(ledgersIn(stateDir), (database, id) => {
    const journal = textsOf(
      database,
      "SELECT name AS text FROM sqlite_master WHERE type = 'table' AND name GLOB 'journal_[0-9]*'",
    )
      .flatMap((table) => textsOf(database, `SELECT record AS text FROM ${table}`))
      .map((text): AuditRecord => JSON.parse(text))
      .sort((a, b) => a.seq - b.seq);
    const [first] = journal;
    if (first === undefined) return null;
    const [drained = "0"] = textsOf(database, "SELECT value AS text FROM meta WHERE key = 'drained'");
    return { id, principal: first.principal, chain: first.chain, drained: Number(drained), journal };
  });

export async function logOnDisk(stateDir: string): Promise<LogOnDisk> {
  const [log] = await readEach(d1In(stateDir), (database) => ({
    records: (database.prepare("SELECT * FROM audit_records").all() as unknown as Row[]).map(recordOf),
    setAside: textsOf(database, "SELECT record AS text FROM audit_set_aside").map(
      (text): AuditRecord => JSON.parse(text),
    ),
  }));
  if (log === undefined) throw new Error("there is no database of D1");
  return log;
}

/** What `read` makes of each database in a directory, as far as it makes anything of it. */
async function readEach<T>(
  directory: string,
  read: (database: DatabaseSync, id: string) => T | null,
): Promise<T[]> {
  const names = (await readdir(directory)).filter((name) => /^[0-9a-f]{64}\.sqlite$/.test(name));
  return names.flatMap((name) => {
    const database = new DatabaseSync(join(directory, name));
    try {
      return read(database, basename(name, ".sqlite")) ?? [];
    } finally {
      database.close();
    }
  });
}

const textsOf = (database: DatabaseSync, query: string): string[] =>
  database
    .prepare(query)
    .all()
    .map(({ text }) => String(text));

/** A backup of one ledger, as it is at this moment. */
export async function copyLedger(stateDir: string, id: string, into: string): Promise<void> {
  await mkdir(into, { recursive: true });
  for (const name of await filesOf(ledgersIn(stateDir), id))
    await copyFile(join(ledgersIn(stateDir), name), join(into, name));
}

/** Loses a ledger. */
export async function removeLedger(stateDir: string, id: string): Promise<void> {
  for (const name of await filesOf(ledgersIn(stateDir), id)) await rm(join(ledgersIn(stateDir), name));
}

/** Puts a backup in the place of what there is. */
export async function restoreLedger(stateDir: string, id: string, from: string): Promise<void> {
  await removeLedger(stateDir, id);
  for (const name of await filesOf(from, id))
    await copyFile(join(from, name), join(ledgersIn(stateDir), name));
}

/** The database with what SQLite keeps beside it. */
const filesOf = async (directory: string, id: string): Promise<string[]> =>
  (await readdir(directory)).filter((name) => name.startsWith(`${id}.sqlite`));
