/** Tenant documents in files. */

import { readFile } from "node:fs/promises";
import { fail, ok, type Result } from "../result.ts";
import { compileTenant, type Fault } from "../tenant/compile.ts";
import { findConflicts } from "../tenant/conflicts.ts";
import type { Tenant } from "../tenant/tenant.ts";
import { printable, whyNot } from "./say.ts";

export interface Source {
  readonly file: string;
  readonly text: string;
  readonly tenant: Tenant;
}

const line = (file: string, { path, problem }: Fault): string =>
  printable([file, path, problem].filter((part) => part !== "").join(": "));

/** Compiles every file; the error has a line for each fault of each. */
export async function readTenants(
  files: readonly string[],
  url: string,
): Promise<Result<Source[], string[]>> {
  const sources: Source[] = [];
  const faults: string[] = [];
  for (const file of files) {
    try {
      const text = await readFile(file, "utf8");
      const compiled = await compileTenant(text, url);
      if (compiled.ok) sources.push({ file, text, tenant: compiled.value });
      else faults.push(...compiled.error.map((fault) => line(file, fault)));
    } catch (error) {
      faults.push(whyNot(file, "read", error));
    }
  }
  for (const conflict of findConflicts(sources.map(({ tenant }) => tenant))) {
    // A conflict is at the later tenant, and its path begins with that one's id.
    const id = conflict.path.split(".")[0];
    faults.push(line(sources.findLast(({ tenant }) => tenant.id === id)?.file ?? "", conflict));
  }
  return faults.length === 0 ? ok(sources) : fail(faults);
}
