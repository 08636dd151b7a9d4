/** Agents at work: signed calls, each with a mark of its own, many at a time. */

import { createHash } from "node:crypto";
import { addEvidence, type Run, type Step } from "../../src/agent/index.ts";
import { RECEIPT_HEADER } from "../../src/audit/receipts/decision-receipt.ts";
import type { Caller } from "../socket/harness.ts";
import { decisionOf, told, toolCall } from "../socket/messages.ts";
import { type Answer, toBytes } from "../socket/raw.ts";
import { openLine } from "./line.ts";
import { doneText, markHeader, type Place, TENANT } from "./place.ts";
import { sleep } from "./report.ts";

/** As long as a signature may live, so that a copy is refused for being one and for nothing else. */
const LIFETIME = 300;

export interface Call {
  readonly mark: string;
  /** The request as it is sent, and sent again. */
  readonly bytes: Buffer;
  /** base64url SHA-256 of the body, as the audit log has it; null for a GET, which has none to be known by. */
  readonly inputHash: string | null;
  readonly step: Step | null;
  /** To the first copy that was sent; null while there is none, and where none came. */
  answer: Answer | null;
}

/** Most calls are plain ones; some are attested, some are answered with a stream. */
const TOOLS = ["search", "search", "search", "sealed", "write"];

export interface SignOptions {
  /** Null for a GET, whose signature has a nonce of its own. */
  readonly tool?: string | null;
  readonly run?: Run;
  /** Seconds; the machine's clock without it. */
  readonly now?: () => number;
  readonly lifetimeSeconds?: number;
}

const POST_HEADERS = { "content-type": "application/json", accept: "application/json, text/event-stream" };
const GET_HEADERS = { accept: "text/event-stream" };

export async function signCall(place: Place, caller: Caller, options: SignOptions = {}): Promise<Call> {
  const { tool = "search", lifetimeSeconds = LIFETIME, ...more } = options;
  const mark = crypto.randomUUID();
  const body = tool === null ? "" : toolCall(tool, { query: mark });
  const method = tool === null ? "GET" : "POST";
  const url = new URL(place.scene.endpoint(TENANT));
  const plain = { ...(tool === null ? GET_HEADERS : POST_HEADERS), ...markHeader(mark) };
  const { headers, step } = await addEvidence(
    { method, url, headers: plain, body },
    await place.scene.options(TENANT, { caller, lifetimeSeconds, ...more }),
  );
  const lines = [["Host", url.host] as const, ...headers];
  const bytes = toBytes({ method, target: url.pathname, headers: lines, body: Buffer.from(body) });
  const inputHash = tool === null ? null : createHash("sha256").update(body).digest("base64url");
  return { mark, bytes, inputHash, step, answer: null };
}

/** The decision that a served call was told of; null for one that was not served. */
export const decisionFor = (call: Call): string | null =>
  call.answer !== null && isServed(call, call.answer) ? decisionOf(call.answer) : null;

/** The receipts that callers have of what was decided about them. */
export const receiptsOf = (calls: readonly Call[]): string[] =>
  calls.flatMap(({ answer }) => answer?.headers.get(RECEIPT_HEADER) ?? []);

/** Whether the answer is the origin's to this call. */
export const isServed = ({ mark }: Call, answer: Answer | null): boolean =>
  answer !== null && answer.status === 200 && answer.text.includes(doneText(mark));

/** `served`, `no answer`, or how it was refused. */
export const fateOf = (call: Call, answer: Answer | null = call.answer): string =>
  answer === null ? "no answer" : isServed(call, answer) ? "served" : told(answer);

export interface Load {
  /** Every call that was sent, in order. */
  readonly calls: readonly Call[];
  /** Sends no more, and waits for the answers that are still to come. */
  stop(): Promise<void>;
}

/**
 * Calls as fast as they are answered, `width` at a time for each of the callers, until it is stopped.
 *
 * @param pause milliseconds from an answer to the next call
 */
export function startLoad(place: Place, callers: readonly Caller[], width: number, pause = 0): Load {
  const calls: Call[] = [];
  let stopped = false;
  const work = async (caller: Caller) => {
    const line = openLine(place.scene.url);
    const run = await place.scene.run(TENANT, { caller });
    while (!stopped) {
      const tool = TOOLS[Math.floor(Math.random() * TOOLS.length)] ?? "search";
      const call = await signCall(place, caller, { tool, run });
      if (stopped) break;
      calls.push(call);
      call.answer = await line.send(call.bytes);
      if (call.answer !== null) run.answered(call.step, { headers: new Headers([...call.answer.headers]) });
      else await sleep(20);
      if (pause > 0) await sleep(pause);
    }
    line.close();
  };
  const workers = callers.flatMap((caller) => Array.from({ length: width }, () => work(caller)));
  return {
    calls,
    async stop() {
      stopped = true;
      await Promise.all(workers);
    },
  };
}
