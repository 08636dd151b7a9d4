import { digestOf } from "../../make/attestation.ts";
import { admitted, type CaseSource, denied } from "../../make/case.ts";
import type { Members } from "../../make/tokens.ts";
import { attested, type Dialect, policy } from "./calls.ts";

const RULE = "SEP-2787, verification rule 4";
const PLANS = "Countersign attestation, gap 5";
const OTHER = "https://elsewhere.example/mcp";

const at = (serverFingerprint: string) => (call: Members) => [{ ...call, serverFingerprint }];

const two =
  (serverFingerprint: string, members: Members = {}, first = false) =>
  (call: Members) => {
    const other = { ...call, serverFingerprint, ...members };
    return first ? [other, call] : [call, other];
  };

/** Commits to other arguments. */
const otherArguments = async (dialect: Dialect): Promise<Members> =>
  dialect === "A"
    ? { argsProjection: "{}" }
    : { args: { projection: "{}", projectionDigest: await digestOf("{}") } };

export async function target(dialect: Dialect): Promise<readonly CaseSource[]> {
  const multi = policy({ multiServer: true });
  const elsewhere = await otherArguments(dialect);
  return [
    denied(
      "server",
      "attestation.fingerprint_not_found",
      "For another server",
      RULE,
      attested(dialect, { calls: at(OTHER) }),
    ),
    denied(
      "server-slash",
      "attestation.fingerprint_not_found",
      "The fingerprint with a slash behind it: compared whole",
      RULE,
      attested(dialect, { calls: (call) => at(`${call.serverFingerprint}/`)(call) }),
    ),
    denied(
      "server-case",
      "attestation.fingerprint_not_found",
      "The fingerprint in capitals",
      RULE,
      attested(dialect, { calls: (call) => at(`${call.serverFingerprint}`.toUpperCase())(call) }),
    ),
    admitted(
      "server-named",
      "A fingerprint that the tenant names",
      RULE,
      attested(dialect, { calls: at("sha256:11") }),
      {
        change: (document) => {
          document.serverFingerprints = ["sha256:11"];
        },
      },
    ),
    denied(
      "tool",
      "attestation.tool_differs",
      "For another tool",
      RULE,
      attested(dialect, { calls: (call) => [{ ...call, name: "search" }] }),
    ),
    denied(
      "tool-case",
      "attestation.tool_differs",
      "For a tool of the same letters in another case",
      RULE,
      attested(dialect, { calls: (call) => [{ ...call, name: "Sealed" }] }),
    ),
    denied(
      "plan",
      "attestation.several_calls",
      "A plan for this server and another, which the tenant does not take",
      PLANS,
      attested(dialect, { calls: two(OTHER) }),
    ),
    denied(
      "plan-twice",
      "attestation.fingerprint_twice",
      "A plan with two calls at this server",
      PLANS,
      attested(dialect, { calls: (call) => [call, { ...call, name: "search" }] }),
    ),
    admitted(
      "plan-taken",
      "A plan for this server and another, where the tenant takes it",
      PLANS,
      attested(dialect, { calls: two(OTHER) }),
      multi,
    ),
    admitted(
      "plan-other-first",
      "The same with the other server first",
      PLANS,
      attested(dialect, { calls: two(OTHER, { name: "search" }, true) }),
      multi,
    ),
    denied(
      "plan-taken-twice",
      "attestation.fingerprint_twice",
      "A plan with two calls at this server, where plans are taken",
      PLANS,
      attested(dialect, { calls: (call) => [call, call] }),
      multi,
    ),
    denied(
      "plan-two-names",
      "attestation.fingerprint_twice",
      "A plan with a call for each of two fingerprints, both this server's",
      PLANS,
      attested(dialect, { calls: (call) => [...at("urn:one")(call), ...at("urn:two")(call)] }),
      {
        change: (document) => {
          document.serverFingerprints = ["urn:one", "urn:two"];
          document.attestation = { multiServer: true };
        },
      },
    ),
    denied(
      "plan-other-tool",
      "attestation.tool_differs",
      "The tool is the one that the plan has for another server",
      PLANS,
      attested(
        dialect,
        { calls: (call) => [{ ...call, name: "sealed" }, ...at(OTHER)(call)] },
        { tool: "search" },
      ),
      multi,
    ),
    denied(
      "plan-other-arguments",
      "attestation.redacted_not_allowed",
      "The arguments are those that the plan has for another server",
      PLANS,
      attested(dialect, {
        calls: (call) => [
          { ...call, ...elsewhere },
          { ...call, serverFingerprint: OTHER },
        ],
      }),
      multi,
    ),
    denied(
      "plan-elsewhere",
      "attestation.fingerprint_not_found",
      "A plan for other servers alone",
      PLANS,
      attested(dialect, { calls: (call) => [...at(OTHER)(call), ...at(OTHER)(call)] }),
      multi,
    ),
  ];
}
