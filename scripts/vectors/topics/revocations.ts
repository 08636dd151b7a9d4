import { type Call, makeCall } from "../make/call.ts";
import {
  admitted,
  type CaseOptions,
  type CaseSource,
  type Draft,
  denied,
  NOW,
  type StepSource,
  sent,
  type Topic,
} from "../make/case.ts";
import { base64url, utf8 } from "../make/tokens.ts";
import { ISSUER, OTHER_ISSUER } from "../tenants.ts";
import { AUTH, bringing, taking, thumbprintOf } from "./access-token/bringing.ts";

const PAGE = "Countersign docs/revocation.md";
const KINDS = `${PAGE}, What can be revoked`;
const ASKED = `${PAGE}, How an administrator does it`;

const ACTION = "countersign.revocations.write";

/** Both issuers let their agents revoke. */
function administered(document: Draft): void {
  for (const { actions } of document.issuers) actions.push(ACTION);
}

/** A request of the administrator, bob, under a mandate of the other issuer: nothing that is revoked of ada's is his. */
const byAdmin = (call: Call): Call => ({
  agent: "bob",
  beside: "revocations",
  ...call,
  mandate: {
    by: "other-issuer",
    claims: { iss: OTHER_ISSUER, jti: "admin-1", cap: [{ action: ACTION }] },
    ...call.mandate,
  },
});

const posting = (body: unknown, call: Call = {}): Call =>
  byAdmin({ body: typeof body === "string" ? body : JSON.stringify(body), ...call });

const OWN = { expect: { forwarded: null } };

const revoked = (body: object): StepSource => sent(posting(body), OWN);
const lifted = (number: number): StepSource =>
  sent(byAdmin({ method: "DELETE", beside: `revocations/${number}` }), OWN);

/** A call of ada's, then what is revoked, then ada's next call. */
const stopped = (
  id: string,
  reason: string,
  title: string,
  body: object,
  { send = {}, ...options }: CaseOptions & { readonly send?: CaseSource["send"] } = {},
): CaseSource =>
  denied(id, reason, title, KINDS, send, {
    change: administered,
    ...options,
    before: [sent(send), revoked(body)],
  });

/** Something else than what ada's call rests on is revoked. */
const unaffected = (id: string, title: string, body: object): CaseSource =>
  admitted(id, title, KINDS, {}, { change: administered, before: [sent(), revoked(body)] });

/** Callers with access tokens beside the agents. */
const tokens = {
  change: (document: Draft): void => {
    taking().change(document);
    administered(document);
  },
};

const refused = (id: string, reason: string, title: string, send: Call): CaseSource =>
  denied(id, reason, title, ASKED, send, { change: administered });

const RUN = base64url(utf8(JSON.stringify(["jti", ISSUER, "mandate-1"])));

export const revocations: Topic = {
  name: "revocations",
  title: "What was revoked is refused from then on",
  cases: [
    stopped("mandate", "revoked.mandate", "The mandate", { kind: "mandate", iss: ISSUER, jti: "mandate-1" }),
    stopped("agent", "revoked.agent", "The agent", { kind: "agent", name: "ada" }),
    stopped("key", "revoked.key", "The key that signs the request", {
      kind: "key",
      thumbprint: await thumbprintOf("ada"),
    }),
    stopped("issuer", "revoked.issuer", "The issuer of the mandate", { kind: "issuer", iss: ISSUER }),
    stopped("run", "revoked.run", "The run", { kind: "run", run: RUN }),
    stopped("tenant", "revoked.tenant", "The emergency stop", { kind: "tenant", reason: "a drill" }),
    stopped("document", "tenant.stale", "A document that is older than the one asked for", {
      kind: "document",
      version: 2,
    }),
    stopped(
      "token",
      "revoked.token",
      "The access token",
      { kind: "token", iss: AUTH, jti: "token-1" },
      { ...tokens, send: bringing() },
    ),
    stopped(
      "subject",
      "revoked.subject",
      "The subject of the access token",
      { kind: "subject", iss: AUTH, sub: "client-1" },
      { ...tokens, send: bringing() },
    ),
    stopped(
      "token-issuer",
      "revoked.issuer",
      "The issuer of the access token",
      { kind: "issuer", iss: AUTH },
      { ...tokens, send: bringing() },
    ),
    stopped(
      "holder",
      "revoked.key",
      "The key that the access token is bound to",
      { kind: "key", thumbprint: await thumbprintOf("holder") },
      { ...tokens, send: bringing() },
    ),
    denied(
      "first-call",
      "revoked.agent",
      "An agent that has not called before",
      KINDS,
      {},
      { change: administered, before: [revoked({ kind: "agent", name: "ada" })] },
    ),
    denied(
      "observed",
      "revoked.agent",
      "Where all is only observed",
      KINDS,
      {},
      {
        change: (document) => {
          administered(document);
          document.observe = [{ until: "2027-01-01T00:00:00Z" }];
        },
        before: [revoked({ kind: "agent", name: "ada" })],
      },
    ),

    // -- what is not ------------------------------------------------------------------------------------------
    unaffected("other-mandate", "Another mandate", { kind: "mandate", iss: ISSUER, jti: "mandate-2" }),
    unaffected("other-issuers-mandate", "One of the same jti, of another issuer", {
      kind: "mandate",
      iss: OTHER_ISSUER,
      jti: "mandate-1",
    }),
    unaffected("other-agent", "Another agent", { kind: "agent", name: "courier" }),
    unaffected("other-key", "A key of the agent that signs nothing of this", {
      kind: "key",
      thumbprint: await thumbprintOf("ada-second"),
    }),
    admitted(
      "ended",
      "After its end",
      KINDS,
      {},
      {
        change: administered,
        before: [sent(), revoked({ kind: "agent", name: "ada", until: NOW + 60 })],
        at: 120,
      },
    ),
    denied(
      "not-ended",
      "revoked.agent",
      "Before its end",
      KINDS,
      {},
      {
        change: administered,
        before: [sent(), revoked({ kind: "agent", name: "ada", until: NOW + 60 })],
        at: 59,
      },
    ),
    admitted(
      "lifted",
      "One that was lifted",
      ASKED,
      {},
      {
        change: administered,
        before: [revoked({ kind: "agent", name: "ada" }), lifted(1)],
      },
    ),
    admitted("tenant-lifted", "The emergency stop does not close what lifts it", ASKED, lifted(1).send, {
      ...OWN,
      change: administered,
      before: [revoked({ kind: "tenant" })],
    }),
    denied(
      "self",
      "revoked.agent",
      "Who revokes itself cannot undo that",
      ASKED,
      byAdmin({ method: "DELETE", beside: "revocations/1" }),
      { change: administered, before: [revoked({ kind: "agent", name: "bob" })] },
    ),

    // -- what is asked ----------------------------------------------------------------------------------------
    refused(
      "typo",
      "revocation.malformed",
      "A member that nobody knows",
      posting({ kind: "agent", nane: "ada" }),
    ),
    refused("kind", "revocation.malformed", "A kind that is none", posting({ kind: "everything" })),
    refused(
      "twice",
      "revocation.malformed",
      "A member that comes twice",
      posting('{"kind":"tenant","kind":"tenant"}'),
    ),
    refused(
      "form",
      "revocation.content_type",
      "A body that is said to be a form",
      posting({ kind: "tenant" }, { headers: { "Content-Type": "application/x-www-form-urlencoded" } }),
    ),
    refused(
      "not-granted",
      "capability.missing",
      "Under a mandate that does not grant it",
      posting(
        { kind: "tenant" },
        { mandate: { claims: { iss: OTHER_ISSUER, jti: "admin-1", cap: [{ action: "mcp.search" }] } } },
      ),
    ),
    denied(
      "not-trusted",
      "act.action_not_granted",
      "Under a mandate of an issuer that may not grant it",
      ASKED,
      posting({ kind: "tenant" }),
    ),
    denied(
      "by-token",
      "endpoint.mandate",
      "With an access token in place of a mandate",
      ASKED,
      (target) =>
        bringing({
          call: { beside: "revocations", body: '{"kind":"tenant"}' },
          proof: { claims: { htu: target.url.replace(/mcp$/, "revocations") } },
        })(target),
      tokens,
    ),
    denied(
      "changed-body",
      "digest.mismatch",
      "Another body than the one that was signed",
      ASKED,
      async (target) => ({
        ...(await makeCall(target, posting({ kind: "agent", name: "eve" }))),
        body: utf8('{"kind":"agent","name":"ada"}'),
      }),
      { change: administered },
    ),
  ],
};
