/** Makes `docs/reasons.md` from `src/reasons.ts`. */

import { type Answer, type Entry, PUBLIC_FORMS, REASONS, type Reason } from "../src/reasons.ts";

type Prefix<R = Reason> = R extends `${infer P}.${string}` ? P : never;

const SECTIONS = {
  request: "Request and tenant",
  bearer: "ACT mandate",
  token: "Access token and DPoP proof",
  message: "Message",
  signature: "HTTP message signature and workload identity token",
  ect: "Execution context token",
  attestation: "Tool call attestation",
  principal: "One principal, and what the tenant requires",
  session: "Session",
  policy: "Capability and policy",
  admission: "Replay, runs and the ledger",
  endpoint: "Countersign's own endpoints",
  origin: "Origin and gateway",
} as const;

/** Where each family of codes stands. A new family does not compile until it has a place. */
const SECTION_OF: Readonly<Record<Prefix, keyof typeof SECTIONS>> = {
  request: "request",
  rate: "request",
  target: "request",
  origin_header: "request",
  tenant: "request",
  gateway: "request",
  endpoint: "endpoint",
  signing: "endpoint",
  keys: "request",
  bearer: "bearer",
  act: "bearer",
  message: "message",
  session: "session",
  required: "principal",
  principal: "principal",
  signature: "signature",
  digest: "signature",
  wit: "signature",
  ect: "ect",
  attestation: "attestation",
  reference: "attestation",
  capability: "policy",
  policy: "policy",
  approval: "policy",
  limit: "policy",
  token: "token",
  dpop: "token",
  replay: "admission",
  run: "admission",
  record: "admission",
  revoked: "admission",
  revocation: "endpoint",
  ledger: "admission",
  origin: "origin",
  outcome: "origin",
  redaction: "origin",
  internal: "origin",
};

/** HTTP status and form of an answer in short; the introduction of the page explains the exceptions. */
function wire(answer: Answer): { status: string; form: string } {
  switch (answer.kind) {
    case "challenge":
      return { status: "401", form: "401, with `WWW-Authenticate`" };
    case "protocol":
      return { status: `${answer.status}`, form: `${answer.code}` };
    case "unknown-method":
      return { status: "404 or 200", form: "-32601" };
    case "signature":
      return { status: "403 or 400", form: "403, in the profile `wimse` 400" };
    case "forbidden":
      return { status: "403", form: "403" };
    case "insufficient-scope":
      return { status: "403", form: "403, with `WWW-Authenticate`" };
    case "attestation":
      return { status: "200 or 403", form: `tool result \`${answer.wire}\`, or 403` };
    case "grant":
      return { status: "200 or 403", form: "403" };
    case "limit":
      return { status: "200 or 429", form: "429, with `Retry-After`" };
    case "rate":
      return { status: "429", form: "429, with `Retry-After`" };
    case "not-found":
      return { status: "404", form: "404" };
    case "unavailable":
      return { status: "503", form: "503, with `Retry-After`" };
    case "origin":
      return { status: `${answer.status}`, form: `${answer.status}` };
    case "withheld":
      return { status: "200", form: "502" };
    case "bug":
      return { status: "500", form: "500" };
  }
}

const INTRODUCTION = `# Reason codes

<!-- Made from src/reasons.ts by scripts/generate.ts. Change it there. -->

Every refusal has one reason code. Codes are stable: alert on them, switch on them.

A refused POST gets a JSON-RPC error. \`error.code\` is in the column *JSON-RPC*; \`error.data\` holds \`reason\`,
\`decision\` (the id that is also in the header \`Countersign-Decision\` and in the audit log) and \`docs\`, the
place of the code in this file.

- **Public form.** Until the caller's evidence is verified, \`reason\` is the public form instead of the code, so that
  nobody can probe for what is registered. The code itself is in the audit log under the decision (of strangers'
  refusals a sample). Where the column is empty, everybody is shown the code.
- **200 or 403.** 200 for \`tools/call\` when the caller is verified: MCP clients show such an answer to the model,
  and an HTTP error only to the log. 403 otherwise. A failed attestation is a tool result as SEP-2787 prescribes.
- **200 or 429.** Likewise, for a limit of the tenant. \`error.data.retryAfter\` says in how many seconds the limit begins anew, as
  \`Retry-After\` does; it is null, without a header, where it does not.
- **404 or 200.** An unknown method: as servers answer it, 404 from revision 2026-07-28 on and 200 before; 400 for a
  notification.
- **\`server/discover\`** is refused with 401, 403 or 503 alone: a client that probes with it takes any other status for
  an old server.
- **503** means that Countersign cannot tell. Nothing was forwarded; the same request can be sent again after
  \`Retry-After\`, with fresh one-time values. Only \`server/discover\` is also told 503 where others are told 429, 500,
  502 or 504.
`;

const cell = (text: string): string => text.replaceAll("|", "\\|");

function row(code: string, { answer, publicForm, help }: Entry): string {
  const { status, form } = wire(answer);
  const shown = publicForm === null ? "" : `[\`${publicForm}\`](#${publicForm})`;
  return `| <a id="${code}"></a>\`${code}\` | ${status} | ${form} | ${shown} | ${cell(help)} |`;
}

function section(id: keyof typeof SECTIONS): string {
  const rows = Object.entries(REASONS)
    .filter(([code]) => SECTION_OF[code.slice(0, code.indexOf(".")) as Prefix] === id)
    .map(([code, entry]) => row(code, entry));
  return [
    `## ${SECTIONS[id]}`,
    "",
    "| Reason | HTTP | JSON-RPC | Public form | What is wrong, and what to do |",
    "| --- | --- | --- | --- | --- |",
    ...rows,
    "",
  ].join("\n");
}

function publicForms(): string {
  const rows = Object.entries(PUBLIC_FORMS).map(
    ([form, text]) => `| <a id="${form}"></a>\`${form}\` | ${cell(text)} |`,
  );
  return ["## Public forms", "", "| Form | What it says |", "| --- | --- |", ...rows, ""].join("\n");
}

/** The whole page. Each code and public form has an anchor of its own name: `docs/reasons.md#act.typ`. */
export const reasonsTable = (): string =>
  [INTRODUCTION, publicForms(), ...(Object.keys(SECTIONS) as (keyof typeof SECTIONS)[]).map(section)].join(
    "\n",
  );
