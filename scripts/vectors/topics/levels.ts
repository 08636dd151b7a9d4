import type { Call } from "../make/call.ts";
import { notCovering } from "../make/call.ts";
import { admitted, again, type CaseOptions, denied, NOW, refused, sent, type Topic } from "../make/case.ts";
import { part } from "../make/tokens.ts";

const LEVELS = "Countersign profile, ECT: level";
const REVISIONS = "Countersign profile, ECT: revisions";
const RUNS = "Countersign profile, Runs";

type Ect = NonNullable<Call["ect"]>;

const payload = (token: string): string => token.split(".")[1] ?? "";

/** Level 1: base64url of the claims. */
const unsigned = (changes: Ect = {}): Call => ({ ect: { ...changes, token: payload } });

const saying = (claims: Record<string, unknown>): Call => unsigned({ claims });

/** A tenant that takes level 1. */
const lax = (options: CaseOptions = {}): CaseOptions => ({
  ...options,
  change: (d) => {
    d.ect = { unsafeUnsigned: true };
  },
});

/** A tenant that takes nothing below level 3. */
const strict = (options: CaseOptions = {}): CaseOptions => ({
  ...options,
  change: (d) => {
    d.ect = { level: 3 };
  },
});

const NOT_RECORDED = { expect: { headers: { "countersign-ect": "not-recorded" } } };
const RECORDED = { expect: { headers: { "countersign-ect": "recorded" } } };
const HASH = "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU";

export const levels: Topic = {
  name: "levels",
  title: "Levels and revisions of ECTs",
  cases: [
    // -- level 1 -------------------------------------------------------------------------------------------
    admitted(
      "unsigned",
      "An unsigned ECT that the signature covers, where they are taken",
      LEVELS,
      unsigned(),
      lax(),
    ),
    admitted(
      "unsigned-old-header",
      "The same in Execution-Context",
      LEVELS,
      unsigned({ in: ["execution-context"] }),
      lax(),
    ),
    admitted(
      "unsigned-nameless",
      "An unsigned ECT without iss and aud: it is the signer's",
      LEVELS,
      saying({ iss: undefined, aud: undefined }),
      lax(),
    ),
    admitted(
      "unsigned-poc",
      "An unsigned ECT covered by a signature of the profile poc",
      LEVELS,
      { agent: "courier", ...unsigned() },
      lax(),
    ),
    admitted(
      "unsigned-parent",
      "A signed ECT names an unsigned one",
      RUNS,
      { ect: { claims: { pred: ["mandate-1", "ect-1"] } } },
      {
        ...lax(),
        before: [sent(unsigned())],
      },
    ),
    admitted(
      "unsigned-child",
      "An unsigned ECT names a signed one",
      RUNS,
      saying({ pred: ["mandate-1", "ect-1"] }),
      {
        ...lax(),
        before: [sent()],
      },
    ),
    admitted("signed-too", "A signed ECT where unsigned ones are taken too", LEVELS, {}, lax()),
    denied("unsigned-off", "ect.unsigned", "An unsigned ECT where the tenant takes none", LEVELS, unsigned()),
    denied(
      "unsigned-strict",
      "ect.unsigned",
      "An unsigned ECT where level 3 is asked for",
      LEVELS,
      unsigned(),
      strict(),
    ),
    denied(
      "unsigned-uncovered",
      "signature.coverage",
      "An unsigned ECT that the signature leaves out",
      LEVELS,
      { ...unsigned(), signature: { components: notCovering("wimse-ect") } },
      lax(),
    ),
    denied(
      "unsigned-alone",
      "signature.missing",
      "An unsigned ECT without a signature of the message",
      LEVELS,
      { ...unsigned(), signature: null },
      lax(),
    ),
    denied(
      "alg-none",
      "ect.alg",
      "A JWS whose alg is none, where unsigned ECTs are taken",
      "RFC 8725 section 3.2",
      { ect: { header: { alg: "none" }, token: part(2, () => "") } },
      lax(),
    ),
    denied(
      "signature-cut-off",
      "ect.signature",
      "A JWS whose signature is taken away, where unsigned ECTs are taken",
      LEVELS,
      { ect: { token: part(2, () => "") } },
      lax(),
    ),
    denied("unsigned-replayed", "replay.ect", "The same unsigned request twice", LEVELS, again(), {
      ...lax(NOT_RECORDED),
      before: [sent(unsigned())],
    }),
    denied(
      "unsigned-jti-again",
      "replay.ect",
      "The jti of a signed ECT once more, in an unsigned one",
      LEVELS,
      saying({ jti: "ect-1" }),
      { ...lax(NOT_RECORDED), before: [sent()] },
    ),
    denied(
      "unsigned-body",
      "ect.inp_hash_mismatch",
      "An unsigned ECT with the hash of another body",
      LEVELS,
      saying({ inp_hash: HASH }),
      lax(),
    ),
    denied(
      "unsigned-no-hash",
      "ect.inp_hash_missing",
      "An unsigned ECT without inp_hash, and a body",
      LEVELS,
      saying({ inp_hash: undefined }),
      lax(),
    ),
    denied(
      "unsigned-mandate",
      "ect.mandate_not_named",
      "An unsigned ECT that does not name the mandate",
      LEVELS,
      saying({ pred: [] }),
      lax(),
    ),
    denied(
      "unsigned-unknown",
      "run.pred_unknown",
      "An unsigned ECT that names a step that does not exist",
      LEVELS,
      saying({ pred: ["mandate-1", "ghost"] }),
      lax(NOT_RECORDED),
    ),
    denied(
      "unsigned-action",
      "ect.exec_act_mismatch",
      "An unsigned ECT that names another tool",
      LEVELS,
      saying({ exec_act: "mcp.sealed" }),
      lax(RECORDED),
    ),
    denied(
      "unsigned-other-agent",
      "ect.issuer",
      "An unsigned ECT in another agent's name",
      LEVELS,
      saying({ iss: "spiffe://example.com/bob" }),
      lax(),
    ),
    denied(
      "unsigned-audience",
      "ect.audience",
      "An unsigned ECT for another tenant",
      LEVELS,
      saying({ aud: "https://gateway.example/other/mcp" }),
      lax(),
    ),
    denied(
      "unsigned-expired",
      "ect.expired",
      "An unsigned ECT 31 s after its end",
      LEVELS,
      saying({ iat: NOW - 60, exp: NOW - 31 }),
      lax(),
    ),
    denied(
      "unsigned-no-jti",
      "ect.claims",
      "An unsigned ECT without jti",
      LEVELS,
      saying({ jti: undefined }),
      lax(),
    ),

    // -- level 3 -------------------------------------------------------------------------------------------
    admitted(
      "strict-chain",
      "Level 3: a step names the one before it",
      LEVELS,
      { ect: { claims: { pred: ["mandate-1", "ect-1"] } } },
      {
        ...strict(),
        before: [sent()],
      },
    ),
    admitted("strict-poc", "Level 3 with a key of the profile poc", LEVELS, { agent: "courier" }, strict()),
    denied(
      "strict-poc-unknown",
      "run.pred_unknown",
      "Level 3: no unknown parent is tolerated, in the profile poc neither",
      LEVELS,
      { agent: "courier", ect: { claims: { pred: ["mandate-1", "ghost"] } } },
      strict(NOT_RECORDED),
    ),

    // -- denied parents ------------------------------------------------------------------------------------
    denied(
      "denied-parent",
      "run.parent_denied",
      "A parent that was denied, where the tenant takes no such parents",
      RUNS,
      { ect: { claims: { pred: ["mandate-1", "ect-1"] } } },
      {
        ...NOT_RECORDED,
        before: [refused("capability.missing", { tool: "delete" }, NOT_RECORDED)],
        change: (d) => {
          d.ect = { deniedParents: false };
        },
      },
    ),

    denied(
      "unavailable",
      "ledger.unavailable",
      "A ledger that does not answer",
      RUNS,
      {},
      {
        ...NOT_RECORDED,
        environment: ["ledger-unavailable"],
      },
    ),

    // -- names of the revisions ------------------------------------------------------------------------------
    admitted("first-revision", "Everything as the first revision names it", REVISIONS, {
      ect: {
        in: ["execution-context"],
        header: { typ: "wimse-exec+jwt" },
        claims: { pred: undefined, par: ["mandate-1"], ext: { a: 1 } },
      },
    }),
    admitted("later-revision", "Everything as later revisions name it", REVISIONS, {
      ect: { claims: { ect_ext: { a: 1 } } },
    }),
    denied("ext-both", "ect.extension", "ect_ext and ext", REVISIONS, {
      ect: { claims: { ect_ext: {}, ext: {} } },
    }),
    denied("ext-too-large", "ect.extension", "ext of 4097 bytes", REVISIONS, {
      ect: { claims: { ext: { a: "x".repeat(4097 - '{"a":""}'.length) } } },
    }),
    denied("ext-null", "ect.extension", "ext is null", REVISIONS, { ect: { claims: { ext: null } } }),
    admitted("out-hash", "out_hash, which says nothing of a request", REVISIONS, {
      ect: { claims: { out_hash: HASH } },
    }),
    denied("out-hash-prefix", "ect.claims", "out_hash has the name of its algorithm before it", REVISIONS, {
      ect: { claims: { out_hash: `sha-256:${HASH}` } },
    }),
  ],
};
