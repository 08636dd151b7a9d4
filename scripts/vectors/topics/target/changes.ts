import type { Target } from "../../make/call.ts";
import type { Message } from "../../make/message.ts";

/** A request without any evidence. */
export const bare =
  (method: string, target: (id: string) => string, headers: Readonly<Record<string, string>> = {}) =>
  ({ id, url }: Target): Message => ({
    method,
    target: target(id),
    headers: Object.entries({ Host: new URL(url).host, ...headers }),
    body: new Uint8Array(),
  });

export const host = (name: string) => (d: { publicUrl?: string | undefined }) => {
  d.publicUrl = `https://${name}.example/mcp`;
};
