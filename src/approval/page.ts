/** The pages of approvals: plain HTML without a script, that no other site can frame, keep or send forms of. */

import { randomId } from "../encoding.ts";
import type { ApprovalEntry, ApprovalFault } from "../ledger/protocol.ts";
import { escapeHtml, hasForeignLetters, shownJson, shownText } from "./shown.ts";
import { DECISIONS, type Decision } from "./statement.ts";
import type { ApprovalView } from "./view.ts";

/** What somebody with a browser is told. */
export type Notice =
  | "signed_in_elsewhere"
  | "sign_in_failed"
  | "provider"
  | "other_revision"
  | "unreadable"
  | "form"
  | ApprovalFault;

const NOTICES: Readonly<Record<Notice, readonly [status: number, text: string]>> = {
  signed_in_elsewhere: [
    400,
    "This sign-in was not begun in this browser, another one was begun after it, or it took too long. Open the link again.",
  ],
  sign_in_failed: [403, "The identity provider did not confirm who you are. Open the link again."],
  provider: [503, "The identity provider cannot be asked just now. Try again."],
  other_revision: [409, "The rules have changed since this call was made. The agent has to make it again."],
  unreadable: [
    409,
    "What this call was can no longer be shown. It is asked about again when its time is over.",
  ],
  form: [400, "Your decision could not be read, or was not made on this page. Open the link again."],
  invalid: [503, "Your decision could not be taken. Try again."],
  unknown: [404, "Nothing waits for a decision here: it was used, or its time is over."],
  decided: [409, "This call has been decided."],
  mismatch: [409, "Your decision was about another call. Open the link again."],
  role: [403, "You are signed in, but you have no role that may approve this call."],
  own: [403, "This is your own call. Somebody else has to approve it."],
  again: [409, "You have decided about this call. Somebody else has to approve it too."],
  unavailable: [503, "Your decision could not be written down. Try again."],
};

export const noticePage = (notice: Notice): Response => {
  const [status, text] = NOTICES[notice];
  return page(status, "Approval of a call", `<p>${escapeHtml(text)}</p>`);
};

export interface Question {
  readonly entry: ApprovalEntry;
  readonly view: ApprovalView;
  /** The tenant's public URL. */
  readonly tenant: string;
  /** See `formToken`. */
  readonly token: string;
  readonly approver: string;
}

/** Asks for a decision. All of the call is there: what is not shown is not approved. */
export function questionPage({ entry, view, tenant, token, approver }: Question): Response {
  const { name: _name, arguments: args = {}, ...others } = view.params;
  const rows: readonly (readonly [string, string])[] = [
    ["Server", shownText(tenant)],
    ["Who wants to call", shownText(view.principal)],
    ["Tool", shownText(view.tool)],
    ...view.purposes.map(
      ({ issuer, purpose }) => [`Purpose, as ${shownText(issuer)} says`, shownText(purpose)] as const,
    ),
    ["Run", shownText(view.run ?? "none")],
    ["Can be approved until", escapeHtml(new Date(entry.expires * 1000).toISOString())],
    ["Approved by", `${entry.approvals.length} of ${entry.people}`],
    ["You are", shownText(approver)],
  ];
  const more = Object.keys(others).length === 0 ? "" : `<h2>Other params</h2>${block(shownJson(others))}`;
  const warning = hasForeignLetters(view.params)
    ? "<p>There are characters here beyond English letters. Some look like others.</p>"
    : "";
  const body = `<dl>${rows.map(([name, value]) => `<dt>${name}</dt><dd>${ordered(value)}</dd>`).join("")}</dl>
<h2>Arguments</h2>${block(shownJson(args))}${more}${warning}
<form method="post"><input type="hidden" name="token" value="${escapeHtml(token)}">
${DECISIONS.map((decision) => `<button name="decision" value="${decision}">${BUTTONS[decision]}</button>`).join("\n")}</form>
<p><small>What you decide is signed and written down with your name: ${escapeHtml(entry.digest)}</small></p>`;
  return page(200, "Approve this call?", body);
}

const BUTTONS: Readonly<Record<Decision, string>> = { approve: "Approve once", refuse: "Refuse" };

/** What came of a decision. */
export function decidedPage({ state, approvals, people }: ApprovalEntry, statement: string): Response {
  const said = {
    pending: `Approved by ${approvals.length} of ${people}. Somebody else has to approve it too.`,
    approved: "Approved. The agent can make this call once.",
    refused: "Refused.",
  }[state];
  const body = `<p>${escapeHtml(said)}</p><p>What was signed for you, should you want to keep it:</p>${block(escapeHtml(statement))}`;
  return page(200, "Decided", body);
}

/** In its own order, whatever the letters: with any other, quotation marks could change places. */
const ordered = (html: string): string => `<bdo dir="ltr">${html}</bdo>`;

const block = (html: string): string => `<pre>${ordered(html)}</pre>`;

const STYLE =
  "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}" +
  "dt{color:#555}dd{margin:0 0 .5rem;white-space:pre-wrap;overflow-wrap:anywhere}" +
  "pre{border:1px solid #999;padding:1rem;white-space:pre-wrap;overflow-wrap:anywhere}button{font:inherit;padding:.5rem 1.5rem;margin-right:1rem}";

function page(status: number, title: string, body: string): Response {
  const nonce = randomId();
  const html = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${escapeHtml(title)}</title><meta name="viewport" content="width=device-width">
<style nonce="${nonce}">${STYLE}</style></head><body><h1>${escapeHtml(title)}</h1>
${body}</body></html>
`;
  return new Response(html, {
    status,
    headers: {
      ...GUARDED,
      "Content-Type": "text/html; charset=utf-8",
      "Content-Security-Policy": `default-src 'none'; style-src 'nonce-${nonce}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'`,
    },
  });
}

/** For everything that a browser is sent. With no referrer at all, it would not say either where a form comes from. */
export const GUARDED: Readonly<Record<string, string>> = {
  "Cache-Control": "no-store",
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Resource-Policy": "same-origin",
  "Referrer-Policy": "same-origin",
  "X-Content-Type-Options": "nosniff",
  "X-Frame-Options": "DENY",
};
