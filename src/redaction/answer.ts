/** An answer that is redacted before its caller sees it, or withheld. Part of stage 10. */

import { readWhole } from "../bytes/read-whole.ts";
import { sha256, toBase64url } from "../encoding.ts";
import type { RequestId } from "../mcp/message.ts";
import type { Answer } from "../origin/forward.ts";
import { isCoded, isEventStream, ofOtherBytes } from "../origin/headers.ts";
import { readFault } from "../origin/read-fault.ts";
import type { Reason } from "../reasons.ts";
import { fail, ok, type Result } from "../result.ts";
import type { Redaction } from "../tenant/schema/redaction.ts";
import { redactResponse } from "./response.ts";

type Withheld = Extract<Reason, `redaction.${string}`>;

export interface RedactedAnswer {
  /** base64url SHA-256 of what the origin sent; null where it was not read to its end. */
  readonly originSha256: string | null;
  /** What the caller is given, the very same bytes where nothing was cut out of them; or why it gets nothing. */
  readonly shown: Result<Omit<Answer, "length">, Withheld>;
}

/**
 * Reads an answer to its end and redacts it. What is withheld is read all the same, as far as it may be held: the call is then over, and
 * the audit log can say what is withheld.
 *
 * @param options.deadlineMs how long the origin may take for its body
 * @param options.stop aborted, with the reason, when the caller may see no more
 * @param options.clientGone aborted when the caller goes away
 * @param options.see is shown what the origin sent, once it is whole
 * @returns why there is nothing to tell of the call but that it was passed on
 */
export async function redactAnswer(
  answer: Answer,
  options: {
    readonly id: RequestId;
    readonly redaction: Redaction;
    readonly deadlineMs: number;
    readonly stop: AbortSignal;
    readonly clientGone: AbortSignal;
    readonly see: (bytes: Uint8Array) => void;
  },
): Promise<Result<RedactedAnswer, Reason>> {
  const { id, redaction, deadlineMs, stop, clientGone, see } = options;
  const unfit = headFault(answer);
  const read = await readWhole(answer.body ?? NOTHING(), redaction.maxBytes, deadlineMs, stop);
  if (!read.ok) {
    if (clientGone.aborted) return fail("origin.client_gone");
    const fault = readFault("redaction.too_large", read.error, stop);
    const reason = isWithheld(fault) || fault === "origin.timeout" ? (unfit ?? fault) : fault;
    return isWithheld(reason) ? ok({ originSha256: null, shown: fail(reason) }) : fail(reason);
  }
  see(read.value);
  const originSha256 = toBase64url(await sha256(read.value));
  if (unfit !== null) return ok({ originSha256, shown: fail(unfit) });
  const redacted = redactResponse(read.value, id, redaction);
  if (!redacted.ok) return ok({ originSha256, shown: fail(`redaction.${redacted.error}` as const) });
  const headers = redacted.value === read.value ? answer.headers : headersOfJson(answer.headers);
  const body = new Response(redacted.value).body;
  return ok({ originSha256, shown: ok({ status: answer.status, headers, body }) });
}

/** Of JSON that is written anew, in UTF-8, whatever the origin called its own. */
function headersOfJson(headers: Headers): Headers {
  const other = ofOtherBytes(headers);
  other.set("content-type", "application/json");
  return other;
}

/** Why an answer cannot be redacted, whatever its body says. */
function headFault({ status, headers }: Answer): Withheld | null {
  // Clients look for this type first.
  if (isEventStream(headers)) return "redaction.stream";
  if (status !== 200) return "redaction.not_response";
  const isJson = /^application\/json\s*(;|$)/i.test(headers.get("content-type") ?? "");
  return isJson && !isCoded(headers) ? null : "redaction.not_json";
}

const isWithheld = (reason: Reason): reason is Withheld => reason.startsWith("redaction.");

const NOTHING = (): ReadableStream<Uint8Array> => new Blob([]).stream();
