/** The load as a file: whole HTTP requests, in the order in which each connection sends them. */

import { readFile, writeFile } from "node:fs/promises";

/** By connection. */
export type Load = readonly (readonly Buffer[])[];

export async function writeLoad(file: string, load: Load): Promise<void> {
  const pieces = load.flatMap((requests, connection) =>
    requests.flatMap((request) => {
      const head = Buffer.alloc(8);
      head.writeUInt32BE(connection, 0);
      head.writeUInt32BE(request.length, 4);
      return [head, request];
    }),
  );
  await writeFile(file, Buffer.concat(pieces));
}

export async function readLoad(file: string): Promise<Load> {
  const bytes = await readFile(file);
  const load: Buffer[][] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = at + 8 + bytes.readUInt32BE(at + 4);
    const connection = bytes.readUInt32BE(at);
    load[connection] ??= [];
    load[connection].push(bytes.subarray(at + 8, end));
    at = end;
  }
  return load;
}
