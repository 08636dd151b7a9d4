/** What a file has of an export that may have broken off. */

import { createReadStream } from "node:fs";
import { readLine } from "../audit/export/format.ts";
import { splitLines } from "../audit/export/split-lines.ts";
import { decodeJws } from "../evidence/jws.ts";
import { isObject, type JsonObject } from "../json/strict-json.ts";
import { fail, ok, type Result } from "../result.ts";

export interface Part {
  /** Whole lines, and their bytes. */
  readonly lines: number;
  readonly bytes: number;
  readonly isWhole: boolean;
  /** What the first line says, and the last; null where there is no line yet. */
  readonly begun: Begun | null;
}

export interface Begun {
  readonly from: number | null;
  readonly to: number | null;
  /** Number of the latest checkpoint. */
  readonly checkpoint: number;
  /** What the next request names as `after`; null where there is nothing behind the first line. */
  readonly after: string | null;
}

const NOTHING: Part = { lines: 0, bytes: 0, isWhole: false, begun: null };

/** Nothing in the file is verified. The error is for one that is no export: it is not to be written over. */
export async function readPart(file: string): Promise<Result<Part, string>> {
  let part = NOTHING;
  let last = "";
  try {
    for await (const read of splitLines(createReadStream(file))) {
      if (!read.ok && part.begun !== null) break;
      if (part.begun === null) {
        const begun = read.ok ? readFirst(read.value) : null;
        if (begun === null) return fail(`${file} is there already, and is no export.`);
        part = { ...part, begun };
      }
      last = read.ok ? read.value : "";
      part = { ...part, lines: part.lines + 1, bytes: part.bytes + Buffer.byteLength(last) + 1 };
    }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return code === "ENOENT" ? ok(NOTHING) : fail(`${file}: cannot be read: ${message}`);
  }
  if (part.begun === null || part.lines === 1) return ok(part);
  const line = readLine(last);
  if (!line.ok) return fail(`${file}: its last line is none of an export: ${line.error}.`);
  switch (line.value.kind) {
    case "end":
      return ok({ ...part, isWhole: true });
    case "checkpoint":
      return ok(at(part, part.begun, String(payloadOf(line.value.jws)?.number)));
    case "record":
    case "set_aside": {
      const { chain, seq } = line.value.record;
      return ok(at(part, part.begun, `${chain}.${seq}`));
    }
    case "fork": {
      const [record] = line.value.records;
      return ok(at(part, part.begun, `${record?.chain}.${record?.seq}`));
    }
    case "export":
      return fail(`${file}: its last line is that of a first one.`);
  }
}

const at = (part: Part, begun: Begun, after: string): Part => ({ ...part, begun: { ...begun, after } });

function readFirst(text: string): Begun | null {
  const line = readLine(text);
  const claims = line.ok && line.value.kind === "export" ? payloadOf(line.value.jws) : null;
  if (claims === null || !isObject(claims.latest)) return null;
  const { from = null, to = null } = claims;
  const { number } = claims.latest;
  if (!isTime(from) || !isTime(to) || typeof number !== "number") return null;
  return { from, to, checkpoint: number, after: null };
}

const isTime = (value: unknown): value is number | null => value === null || typeof value === "number";

function payloadOf(jws: string): JsonObject | null {
  const decoded = decodeJws(jws);
  return decoded.ok ? decoded.value.payload : null;
}
