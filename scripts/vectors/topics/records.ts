import { alsoCovering, type Call, makeCall, mandateOf, notCovering, type Target } from "../make/call.ts";
import {
  admitted,
  type CaseOptions,
  type CaseSource,
  denied,
  NOW,
  type Sent,
  sent,
  type Topic,
} from "../make/case.ts";
import { flipped, makeToken, part, type TokenChanges } from "../make/tokens.ts";
import { ISSUER } from "../tenants.ts";

const RULE = "Countersign docs/act.md, Records";
const HASH = "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU";

/** The record of ada's `mandate-1`, as she would sign it. */
export async function makeRecord(target: Target, changes: TokenChanges = {}): Promise<string> {
  const mandate = await mandateOf(target, "agent:ada");
  const claims = JSON.parse(Buffer.from(mandate.split(".")[1] ?? "", "base64url").toString());
  const done = { exec_act: "mcp.search", pred: ["mandate-1"], exec_ts: target.now, status: "completed" };
  return makeToken("act+jwt", "ada", { ...claims, ...done }, changes);
}

/** A call of ada's that brings the record along. */
const bringing =
  (changes: TokenChanges = {}, call: Call = {}): Sent =>
  async (target) =>
    makeCall(target, {
      ...call,
      headers: { "ACT-Record": await makeRecord(target, changes), ...call.headers },
    });

/** The same under `mandate-2`, where the call does not bring the mandate of the record. */
const later = (changes: TokenChanges = {}): Sent =>
  bringing(changes, {
    mandate: { claims: { jti: "mandate-2" } },
    ect: { claims: { pred: ["mandate-2"] } },
  });

const claims = (changes: Record<string, unknown>): Sent => bringing({ claims: changes });

const taken = (id: string, title: string, send: Sent, options: CaseOptions = {}): CaseSource =>
  admitted(id, title, RULE, send, options);

const refused = (
  id: string,
  reason: string,
  title: string,
  send: Sent,
  options: CaseOptions = {},
): CaseSource => denied(id, `record.${reason}`, title, RULE, send, options);

const ENDED = { claims: { exp: NOW + 60 } };

export const records: Topic = {
  name: "records",
  title: "Execution records (ACT, phase 2)",
  cases: [
    taken("own", "Of the mandate that comes with the call", bringing()),
    taken("earlier", "Of an earlier mandate, which was used", later(), { before: [sent()] }),
    taken(
      "after-steps",
      "After the steps of its run",
      bringing({ claims: { pred: ["mandate-1", "ect-1", "ect-2"] } }),
      {
        before: [sent(), sent()],
      },
    ),
    taken("no-pred", "After nothing", claims({ pred: [] })),
    taken("par", "With the first revision's name of pred", claims({ pred: undefined, par: ["mandate-1"] })),
    taken("hashes", "With inp_hash and out_hash", claims({ inp_hash: HASH, out_hash: HASH })),
    taken("err", "With err, which may hold anything", claims({ err: { code: 7 } })),
    taken("another-key", "Signed with another key of the agent", bringing({ by: "ada-ed25519" })),
    taken("status", "Another status that the tenant takes", claims({ status: "failed" }), {
      change: (document) => {
        document.act = { recordStatuses: ["completed", "failed"] };
      },
    }),
    admitted("not-forwarded", "The origin does not receive it", RULE, bringing(), {
      expect: { forwarded: { "act-record": null } },
    }),

    refused("several-lanes", "several_lanes", "Of an agent whose lanes would each take one", bringing(), {
      change: (document) => {
        const ada = document.agents[0];
        delete ada?.attestations;
        for (const key of ada?.keys ?? []) key.lane = key.jwk.kid === "ada-2" ? 7 : 0;
      },
    }),

    // -- form and claims ------------------------------------------------------------------------------------
    refused("opaque", "malformed", "It is no JWS", bringing({ token: () => "done" })),
    refused("typ", "malformed", "typ is that of an ECT", bringing({ header: { typ: "exec+jwt" } })),
    refused("alg", "malformed", "alg is none", bringing({ header: { alg: "none" } })),
    refused("crit", "malformed", "There is a crit extension", bringing({ header: { crit: ["exp"] } })),
    refused("no-kid", "malformed", "There is no kid", bringing({ header: { kid: undefined } })),
    ...(
      [
        [
          "mandate",
          "It is a mandate",
          { exec_act: undefined, pred: undefined, exec_ts: undefined, status: undefined },
        ],
        ["no-exec-act", "There is no exec_act", { exec_act: undefined }],
        ["no-exec-ts", "There is no exec_ts", { exec_ts: undefined }],
        ["no-status", "There is no status", { status: undefined }],
        ["no-pred-claim", "There is no pred", { pred: undefined }],
        ["pred-and-par", "There are pred and par", { par: [] }],
        ["pred-text", "pred is text", { pred: "mandate-1" }],
        ["pred-257", "pred has 257 entries", { pred: Array.from({ length: 257 }, (_, i) => `ect-${i}`) }],
        ["hash-prefix", "inp_hash has a prefix", { inp_hash: `sha-256:${HASH}` }],
        ["err-text", "err is text", { err: "failed" }],
        ["no-task", "A claim of the mandate is missing", { task: undefined }],
      ] as const
    ).map(([id, title, changes]) => refused(id, "claims", title, claims(changes))),

    // -- whose it is ----------------------------------------------------------------------------------------
    refused("other-agent", "subject", "It is another agent's", claims({ sub: "agent:bob" })),
    refused(
      "other-agent-signed",
      "subject",
      "It is another agent's, and true",
      bringing({ by: "bob", claims: { sub: "agent:bob" } }),
    ),
    refused("by-issuer", "key_unknown", "Signed by the issuer", bringing({ by: "issuer" })),
    refused("by-other-agent", "key_unknown", "Signed by another agent", bringing({ by: "bob" })),
    refused(
      "changed",
      "signature",
      "A bit of the signature is changed",
      bringing({ token: part(2, flipped) }),
    ),
    denied(
      "uncovered",
      "signature.coverage",
      "The signature does not cover it",
      RULE,
      bringing({}, { signature: { components: notCovering("act-record") } }),
    ),
    denied(
      "uncovered-poc",
      "signature.coverage",
      "Nor does one of the profile poc, which need not cover what it does not know",
      RULE,
      bringing({}, { agent: "ada-poc" }),
      { expect: { error: { code: 403, reason: "signature.coverage" } } },
    ),
    taken(
      "covered-poc",
      "One of the profile poc that covers it",
      bringing({}, { agent: "ada-poc", signature: { components: alsoCovering("act-record") } }),
    ),

    // -- what it says ---------------------------------------------------------------------------------------
    refused("status-other", "status", "A status that the tenant does not take", claims({ status: "failed" })),
    refused("action", "action", "exec_act is not in cap", claims({ exec_act: "mcp.delete" })),
    refused("future", "time", "exec_ts is 31 s ahead", claims({ exec_ts: NOW + 31 })),
    refused("before", "time", "exec_ts is before the mandate", claims({ exec_ts: NOW - 31 })),
    refused(
      "after-end",
      "time",
      "exec_ts is after the end of the mandate",
      later({ claims: { exp: NOW + 60, exec_ts: NOW + 91 } }),
      { at: 92, before: [sent({ mandate: ENDED })] },
    ),

    // -- what only the ledger knows -------------------------------------------------------------------------
    refused("unknown", "mandate_unknown", "Its mandate was never used here", later()),
    refused(
      "differs",
      "mandate_differs",
      "It has another cap than its mandate",
      bringing({ claims: { cap: [{ action: "mcp.search" }] } }),
    ),
    refused(
      "differs-later",
      "mandate_differs",
      "The same under a later mandate",
      later({ claims: { wid: "workflow-1" } }),
      {
        before: [sent()],
      },
    ),
    refused(
      "differs-issuer",
      "mandate_unknown",
      "It names another issuer",
      bringing({ claims: { iss: `${ISSUER}/` } }),
    ),
    refused("repeated", "repeated", "A second record of one mandate", bringing(), {
      before: [sent(bringing())],
    }),
    refused(
      "repeated-other",
      "repeated",
      "A second record that says something else",
      bringing({ claims: { pred: [] } }),
      {
        before: [sent(bringing())],
      },
    ),
    refused(
      "pred-unknown",
      "pred_unknown",
      "pred names what is no step of the run",
      claims({ pred: ["ect-9"] }),
    ),
    refused(
      "too-early",
      "too_early",
      "exec_ts is more than 30 s before a step in pred",
      bringing({ claims: { pred: ["ect-2"], exec_ts: NOW + 60 } }),
      { at: 100, before: [sent(), sent({}, { at: 91 })] },
    ),
    taken(
      "early-enough",
      "exec_ts is 30 s before a step in pred",
      bringing({ claims: { pred: ["ect-2"], exec_ts: NOW + 61 } }),
      { at: 100, before: [sent(), sent({}, { at: 91 })] },
    ),
  ],
};
