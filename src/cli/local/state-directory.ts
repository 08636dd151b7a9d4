import { mkdir, mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fail, ok, type Result } from "../../result.ts";

/** The directory that is wanted, made where it does not exist, or a temporary one. The error is a sentence for the operator. */
export async function stateDirectory(wanted: string | undefined): Promise<Result<string, string>> {
  if (wanted === undefined) return ok(await mkdtemp(join(tmpdir(), "countersign-")));
  try {
    await mkdir(wanted, { recursive: true });
    return ok(wanted);
  } catch (error) {
    return fail(`The state directory ${wanted} cannot be made: ${(error as Error).message}`);
  }
}

/** @param owner the process that holds the directory; 0 where that is not known */
export const heldProblem = (directory: string, owner: number): string =>
  `The state directory ${directory} is in use by ${owner === 0 ? "another process" : `process ${owner}`}.`;
