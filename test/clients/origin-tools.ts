/** What the tools of both origins have in common. */

import type { ServerResponse } from "node:http";

/** Calls of these never reach the MCP server: the origin is silent, breaks the connection off, or sends elsewhere. */
export const BROKEN_TOOLS = ["silent", "broken", "moved"] as const;

/** `sealed` needs an attestation, `asks` asks the user back, `works` reports progress until its job is finished. */
export const TOOLS = ["search", "sealed", ...BROKEN_TOOLS, "fails", "asks", "works"] as const;

/** Does to a call of a broken tool what the tool is for. False for every other message. */
export function isBroken(body: string, response: ServerResponse): boolean {
  const { method, params } = body === "" ? {} : JSON.parse(body);
  const tool = method === "tools/call" ? (params.name as (typeof BROKEN_TOOLS)[number]) : null;
  if (tool === "broken") response.destroy();
  if (tool === "moved") response.writeHead(302, { location: "https://elsewhere.test/" }).end();
  return tool !== null && BROKEN_TOOLS.includes(tool);
}

/** The form that `asks` wants filled in. */
export const QUESTION = { type: "object" as const, properties: { name: { type: "string" as const } } };

export const said = (text: string) => ({ content: [{ type: "text" as const, text }] });

const jobs = new Map<string, PromiseWithResolvers<void>>();

function job(name: string): PromiseWithResolvers<void> {
  const known = jobs.get(name) ?? Promise.withResolvers<void>();
  jobs.set(name, known);
  return known;
}

/** Lets the call of `works` with this query end. */
export const finishJob = (name: string): void => job(name).resolve();

/** What `works` does: three reports, then it waits to be finished, so that they must arrive while it works. */
export async function work(name: string, report: (progress: number) => Promise<void>): Promise<void> {
  for (const progress of [1, 2, 3]) await report(progress);
  await job(name).promise;
}
