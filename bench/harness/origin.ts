/** An MCP server that answers every call with the same result, and as soon as it can: it is not what is measured. */

import { createServer } from "node:net";
import { listen } from "../../src/cli/local/port.ts";
import { serve } from "./load/child.ts";

/** Only the origin says this. */
export const ORIGIN_SAYS = "Found 3 papers on tides";

const RESULT = JSON.stringify({
  jsonrpc: "2.0",
  id: 0,
  result: { content: [{ type: "text", text: `${ORIGIN_SAYS}: ${"a title and an abstract; ".repeat(16)}` }] },
});

const ANSWER = Buffer.from(
  `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${RESULT.length}\r\n\r\n${RESULT}`,
);

/** @returns its port */
async function start(): Promise<number> {
  const server = createServer({ noDelay: true }, (socket) => {
    let unread = "";
    socket.setEncoding("latin1");
    socket.on("error", () => {});
    socket.on("data", (text: string) => {
      unread += text;
      for (let end = endOfFirst(unread); end !== null; end = endOfFirst(unread)) {
        unread = unread.slice(end);
        socket.write(ANSWER);
      }
    });
  });
  const port = await listen(server, 0);
  if (!port.ok) throw new Error(port.error);
  return port.value;
}

/** Where the first request in a text ends; null while it is not whole. */
function endOfFirst(text: string): number | null {
  const head = text.indexOf("\r\n\r\n");
  if (head < 0) return null;
  const length = /\r\ncontent-length: (\d+)/i.exec(text.slice(0, head + 2))?.[1] ?? "0";
  const end = head + 4 + Number(length);
  return text.length >= end ? end : null;
}

if (import.meta.main) serve(start);
