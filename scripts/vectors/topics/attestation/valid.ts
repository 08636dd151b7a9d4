import { isoTime } from "../../make/attestation.ts";
import { admitted, type CaseSource, denied } from "../../make/case.ts";
import { ARGUMENTS_TEXT, attested, type Dialect } from "./calls.ts";

const SIGNATURE = "SEP-2787, verification rule 1";
const COMMITMENT = "SEP-2787, verification rule 5";
const SCHEMA = "SEP-2787, schema";
const UNKNOWN = "Countersign attestation, unknown members";

const KEYS = ["planner-hs256", "planner-es256", "planner-rs256"] as const;

/** Names that are ordinary data, and mean something to careless code. */
const STRANGE = JSON.parse('{"__proto__":{"alg":"none"},"constructor":1,"toJSON":"x"}') as object;

export const valid = (dialect: Dialect): readonly CaseSource[] => [
  ...KEYS.flatMap((by) => {
    const alg = by.slice("planner-".length);
    return [
      admitted(
        `${alg}-hash-only`,
        `${alg.toUpperCase()}, the digest of the arguments`,
        SIGNATURE,
        attested(dialect, { by }),
      ),
      admitted(
        `${alg}-identity`,
        `${alg.toUpperCase()}, the arguments themselves`,
        COMMITMENT,
        attested(dialect, { by, projection: "identity" }),
      ),
    ];
  }),
  ...(dialect === "A"
    ? [
        admitted(
          "projection-spelling",
          "The projection is the arguments in another spelling",
          COMMITMENT,
          attested(dialect, { projectionText: '{ "query": "\\u0074ides" }' }),
        ),
        admitted(
          "planner-ref",
          "plannerRef and requestedCapability are there",
          SCHEMA,
          attested(dialect, { planner: { plannerRef: "turn-7", requestedCapability: "search" } }),
        ),
        admitted(
          "unknown-top-level",
          "A member at top level that nobody knows",
          UNKNOWN,
          attested(dialect, { envelope: (envelope) => ({ ...envelope, kid: "v1" }) }),
        ),
      ]
    : [
        denied(
          "unknown-top-level",
          "attestation.dialect_unknown",
          "A member at top level that B does not have, signed",
          UNKNOWN,
          attested(dialect, { envelope: (envelope) => ({ ...envelope, kid: "v1" }) }),
        ),
        admitted(
          "planner-ref",
          "plannerRef, which B does not have, is signed like all else",
          UNKNOWN,
          attested(dialect, { planner: { plannerRef: "turn-7" } }),
        ),
      ]),
  admitted(
    "unknown-nested",
    "Members that nobody knows, in every object",
    UNKNOWN,
    attested(dialect, {
      issuer: { kid: "v1" },
      planner: { note: { n: [1, null] } },
      calls: (call) => [{ ...call, note: "x" }],
    }),
  ),
  admitted(
    "strange-names",
    "Members named __proto__, constructor and toJSON: ordinary data",
    UNKNOWN,
    attested(dialect, {
      planner: { ...STRANGE },
      issuer: { note: STRANGE },
    }),
  ),
  denied(
    "unknown-changed",
    "attestation.signature_mismatch",
    "A member that nobody knows is changed after signing: it is signed too",
    UNKNOWN,
    attested(dialect, {
      planner: { note: "one" },
      text: (text) => text.replace('"note":"one"', '"note":"two"'),
    }),
  ),
  admitted(
    "strange-arguments",
    "Arguments named __proto__, constructor and toJSON",
    COMMITMENT,
    attested(dialect, { projection: "identity" }, { arguments: STRANGE }),
  ),
  admitted(
    "iat-fraction",
    "iat has milliseconds",
    SCHEMA,
    attested(dialect, { issuer: { iat: isoTime(1_772_064_000).replace("Z", ".25Z") } }),
  ),
  admitted(
    "poc",
    "A key of the profile poc, whose signature does not cover the header: the attestation speaks for itself",
    "Countersign attestation, carriers",
    attested(dialect, {}, { agent: "ada-poc" }),
  ),
  admitted(
    "not-required",
    "A tool that needs no attestation, and a call with a good one",
    "Countersign attestation, enforcement",
    attested(dialect, {}, { tool: "search" }),
  ),
  denied(
    "not-required-broken",
    "attestation.args_missing",
    "A tool that needs no attestation, and a call with a bad one",
    "Countersign attestation, enforcement",
    attested(
      dialect,
      { calls: ({ name, serverFingerprint }) => [{ name, serverFingerprint }] },
      { tool: "search" },
    ),
  ),
  denied(
    "none",
    "attestation.missing",
    "The tool needs an attestation, and there is none",
    "SEP-2787, reason codes",
    { tool: "sealed" },
  ),
  denied(
    "misplaced",
    "attestation.misplaced",
    "An attestation at tools/list",
    "Countersign attestation, enforcement",
    attested(dialect, {}, { rpc: { id: 1, method: "tools/list", params: {} }, tool: "sealed" }),
  ),
  admitted(
    "arguments-absent",
    "No arguments are the same as {}",
    COMMITMENT,
    attested(
      dialect,
      { projectionText: "{}" },
      { body: '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"sealed"}}' },
    ),
  ),
  admitted(
    "arguments-respelled",
    "The body spells the arguments in its own way",
    COMMITMENT,
    attested(
      dialect,
      {},
      {
        tool: "sealed",
        body: `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"sealed","arguments": ${ARGUMENTS_TEXT.replace("q", "\\u0071")} }}`,
      },
    ),
  ),
];
