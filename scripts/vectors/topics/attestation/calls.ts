/** Attested calls, and what cases change in them. */

import { type AttestationChanges, attest, type Envelope } from "../../make/attestation.ts";
import { type Call, makeCall } from "../../make/call.ts";
import type { Draft, Sent } from "../../make/case.ts";
import type { Members } from "../../make/tokens.ts";
import { PLANNER } from "../../tenants.ts";

export type Dialect = "A" | "B";

/** What the calls here ask for. */
export const ARGUMENTS = { query: "tides" };
export const ARGUMENTS_TEXT = '{"query":"tides"}';

/** A call of `sealed` with this attestation. */
export const attested = (dialect: Dialect, changes: AttestationChanges = {}, call: Call = {}): Call => ({
  ...call,
  attestation: { dialect, ...changes },
});

/** The body of a call of `sealed`; the texts are JSON. */
export const bodyWith = (args: string | null, meta: string | null = null): string => {
  const members = [
    '"name":"sealed"',
    ...(args === null ? [] : [`"arguments":${args}`]),
    ...(meta === null ? [] : [`"_meta":{"attestation":${meta}}`]),
  ];
  return `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{${members.join(",")}}}`;
};

/** An attestation of some arguments, in a call whose arguments are this text. */
export const against = (
  dialect: Dialect,
  args: string | null,
  changes: AttestationChanges = {},
  attestedArguments: unknown = ARGUMENTS,
): Call => attested(dialect, changes, { tool: "sealed", arguments: attestedArguments, body: bodyWith(args) });

/** The envelope in `_meta` alone, in a spelling of its own. */
export const respelledInMeta =
  (dialect: Dialect, respell: (text: string) => string, changes: AttestationChanges = {}): Sent =>
  async (target) => {
    const { url: fingerprint, now, step } = target;
    const call = { tool: "sealed", arguments: ARGUMENTS, fingerprint, nonce: `attestation-${step}`, now };
    const { envelope } = await attest(call, PLANNER, { dialect, ...changes });
    return makeCall(target, { body: bodyWith(ARGUMENTS_TEXT, respell(JSON.stringify(envelope))) });
  };

/** The only planned call, with other members in place of its commitment. */
export const committing =
  (commitment: Members): NonNullable<AttestationChanges["calls"]> =>
  ({ name, serverFingerprint }) => [{ name, serverFingerprint, ...commitment }];

/** In both places where the dialect has it. */
export const withAlg = (dialect: Dialect, alg: string): AttestationChanges => ({
  issuer: { alg },
  ...(dialect === "B" && { envelope: (envelope: Envelope) => ({ ...envelope, alg }) }),
});

/** The section `attestation` of the tenant document. */
export const policy = (section: NonNullable<Draft["attestation"]>) => ({
  change: (document: Draft) => {
    document.attestation = section;
  },
});
