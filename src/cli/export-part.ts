/** What a file has of an export that may have broken off. */

import { type FileHandle, open } from "node:fs/promises";
import { readCheckpoint } from "../audit/checkpoint.ts";
import { type ExportClaims, readLine, recordsIn } from "../audit/export/format.ts";
import { readHeader } from "../audit/export/header.ts";
import { placeKey } from "../audit/export/spans.ts";
import { fromUtf8 } from "../encoding.ts";
import { MAX_EXPORT_LINE_BYTES } from "../limits.ts";
import { fail, ok, type Result } from "../result.ts";
import { whyNot } from "./say.ts";

export interface Part {
  /** What its first line says. */
  readonly claims: ExportClaims;
  /** Of its whole lines. */
  readonly bytes: number;
  readonly isWhole: boolean;
  /** What the next request names as `after`; null where there is nothing behind the first line, and where nothing is to come. */
  readonly after: string | null;
}

/**
 * Reads the first line and the last whole one; nothing is verified.
 *
 * @returns null where the file is empty or not there; the error is for one that is not to be written over
 */
export async function readPart(file: string): Promise<Result<Part | null, string>> {
  let handle: FileHandle;
  try {
    handle = await open(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return ok(null);
    return fail(whyNot(file, "read", error));
  }
  try {
    const { size } = await handle.stat();
    return size === 0 ? ok(null) : await readBegun(file, handle, size);
  } catch (error) {
    return fail(whyNot(file, "read", error));
  } finally {
    await handle.close();
  }
}

async function readBegun(file: string, handle: FileHandle, size: number): Promise<Result<Part, string>> {
  const head = await read(handle, 0, MAX_EXPORT_LINE_BYTES);
  const first = readLine(lineIn(head, 0, head.indexOf(LINE_FEED)));
  const claims = first.ok && first.value.kind === "export" ? readHeader(first.value.jws) : null;
  if (claims === null) return fail(`${file} is there already, and is no export.`);

  const start = Math.max(0, size - 2 * MAX_EXPORT_LINE_BYTES);
  const tail = await read(handle, start, size - start);
  const end = tail.lastIndexOf(LINE_FEED);
  const bytes = start + end + 1;
  const line = readLine(lineIn(tail, tail.lastIndexOf(LINE_FEED, end - 1) + 1, end));
  const none = fail(`${file}: its last line is none of an export. Remove that line, or the file.`);
  if (!line.ok) return none;
  const part = { claims, bytes, isWhole: false, after: null };
  switch (line.value.kind) {
    case "export":
      return ok(part);
    case "checkpoint": {
      const read = readCheckpoint(line.value.jws);
      return read.ok ? ok({ ...part, after: String(read.value.number) }) : none;
    }
    case "end":
      return bytes === size
        ? ok({ ...part, isWhole: true })
        : fail(`${file}: something follows its end. Remove that, or the file.`);
    default: {
      const [record] = recordsIn(line.value);
      return record === undefined ? none : ok({ ...part, after: placeKey(record) });
    }
  }
}

const LINE_FEED = 0x0a;

async function read(handle: FileHandle, start: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  const { bytesRead } = await handle.read(buffer, 0, length, start);
  return buffer.subarray(0, bytesRead);
}

/** Empty, which is no line of an export, where there is none or no UTF-8. */
const lineIn = (bytes: Buffer, from: number, to: number): string =>
  fromUtf8(bytes.subarray(from, Math.max(from, to))) ?? "";
