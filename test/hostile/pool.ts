/** A few connections that are kept: many requests, without a handshake for each. */

import { type Answer, BrokenBody, Connection } from "../socket/raw.ts";

export interface Pool {
  /** Waits for a connection that is free. */
  exchange(bytes: Uint8Array): Promise<Answer>;
  close(): void;
}

export function openPool(url: string, size: number): Pool {
  const idle: Connection[] = [];
  let free = size;
  const waiting: (() => void)[] = [];

  async function once(bytes: Uint8Array, connection: Connection): Promise<Answer> {
    connection.write(bytes);
    let answer: Answer;
    try {
      answer = await connection.answer();
    } catch (error) {
      connection.close();
      throw error;
    }
    if (staysOpen(answer)) idle.push(connection);
    else connection.close();
    return answer;
  }

  return {
    async exchange(bytes) {
      if (free === 0) await new Promise<void>((resolve) => waiting.push(resolve));
      else free -= 1;
      try {
        const kept = idle.pop();
        if (kept === undefined) return await once(bytes, await Connection.open(url));
        try {
          return await once(bytes, kept);
        } catch (error) {
          // The other end may close a connection whenever it is idle.
          if (!(error instanceof BrokenBody)) throw error;
          return await once(bytes, await Connection.open(url));
        }
      } finally {
        const next = waiting.shift();
        if (next === undefined) free += 1;
        else next();
      }
    },
    close() {
      for (const connection of idle) connection.close();
    },
  };
}

const staysOpen = ({ status, headers }: Answer): boolean =>
  !/close/i.test(headers.get("connection") ?? "") &&
  (status === 204 || headers.has("content-length") || headers.has("transfer-encoding"));
