import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { fail, ok, type Result } from "../../result.ts";

/** How long a new holder waits for the last one, which may still be tidying up after a crash. */
const WAIT_MS = 3_000;

/**
 * Locks a state directory for the rest of this process's life.
 *
 * The lock is the write lock of a SQLite file, so the kernel keeps it and lets go of it when the process ends,
 * however it ends. A file with a process id in it would outlive a `kill -9` and name a stranger later.
 *
 * @param directory an existing directory
 * @param owner process id to show to those who are refused
 * @returns the open lock, or the owner that holds it (0 where it could not be read)
 */
export function lockDirectory(directory: string, owner: number): Result<DatabaseSync, { owner: number }> {
  const database = new DatabaseSync(join(directory, "lock.sqlite"), { timeout: WAIT_MS });
  try {
    // user_version can be read by others only once it is committed; whoever slips in between the two
    // transactions makes the second one fail.
    database.exec(`BEGIN IMMEDIATE; PRAGMA user_version = ${Math.trunc(owner)}; COMMIT; BEGIN IMMEDIATE`);
    return ok(database);
  } catch (error) {
    const holder = readOwner(database);
    database.close();
    if (!isBusy(error)) throw error;
    return fail({ owner: holder });
  }
}

const isBusy = (error: unknown): boolean =>
  error instanceof Error && "errcode" in error && error.errcode === 5;

function readOwner(database: DatabaseSync): number {
  try {
    return Number(database.prepare("PRAGMA user_version").get()?.user_version ?? 0);
  } catch {
    return 0;
  }
}
