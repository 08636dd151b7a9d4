/** A connection that is kept from one request to the next, and opened anew where it was lost. */

import { type Answer, Connection } from "../socket/raw.ts";

/** Longer than anything here takes: a request without an answer by then has none. */
const PATIENCE_MS = 30_000;

export interface Line {
  /** The whole answer; null where there is none, because the server is not there or went away meanwhile. */
  send(bytes: Uint8Array): Promise<Answer | null>;
  close(): void;
}

export function openLine(url: string): Line {
  let connection: Connection | null = null;
  const drop = () => {
    connection?.reset();
    connection = null;
  };
  return {
    async send(bytes) {
      let timer: NodeJS.Timeout | undefined;
      try {
        connection ??= await Connection.open(url);
        const { socket } = connection;
        timer = setTimeout(() => socket.destroy(), PATIENCE_MS);
        connection.write(bytes);
        const answer = await connection.answer();
        if (answer.headers.get("connection")?.toLowerCase() === "close") drop();
        return answer;
      } catch {
        drop();
        return null;
      } finally {
        clearTimeout(timer);
      }
    },
    close: drop,
  };
}

/** Works through the items over `width` lines at a time, in their order. */
export async function overLines<T>(
  url: string,
  width: number,
  items: readonly T[],
  work: (line: Line, item: T) => Promise<void>,
): Promise<void> {
  const left = items.values();
  await Promise.all(
    Array.from({ length: Math.min(width, items.length) }, async () => {
      const line = openLine(url);
      try {
        for (const item of left) await work(line, item);
      } finally {
        line.close();
      }
    }),
  );
}
