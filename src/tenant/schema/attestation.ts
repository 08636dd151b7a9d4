/** The sections `attestation` and `attestationKeys` of a tenant document: tool call attestations (SEP-2787). */

import * as v from "valibot";
import type { NumberPolicy } from "../../json/strict-json.ts";
import { MAX_ATTESTATION_TTL, MAX_META_KEYS, MAX_SECRET_LENGTH, MAX_TENANT_LIST } from "../../limits.ts";
import { remoteHostProblem } from "../../remote/url.ts";
import {
  bindingName,
  fields,
  flag,
  identifier,
  integer,
  list,
  must,
  nonEmptyList,
  toolName,
} from "../fields.ts";
import { jwk } from "./identities.ts";

const numbers = (description: string) =>
  v.pipe(v.picklist(["any", "canonical", "integer"]), v.description(description));

const redactedTool = fields({
  tool: toolName,
  unsafeAnyProjection: flag(
    "Takes any projection for this tool, one that contradicts the arguments too. It binds nothing then.",
  ),
});

const listsToolTwice = (entries: v.InferOutput<typeof redactedTool>[]): string | null =>
  new Set(entries.map(({ tool }) => tool)).size === entries.length ? null : "must list a tool once";

const references = v.pipe(
  fields({
    hosts: nonEmptyList(
      v.pipe(v.string(), must(remoteHostProblem), v.description("A host that is fetched from.")),
      MAX_TENANT_LIST,
      "The hosts that arguments are fetched from, each in full. No other is ever asked.",
    ),
    binding: v.optional(
      bindingName("Binding of the Worker to fetch through; without it, over the internet."),
    ),
  }),
  v.description("Takes attestations that name the arguments by reference. Absent: they are refused."),
);

export const attestation = v.pipe(
  fields({
    dialects: v.optional(nonEmptyList(v.picklist(["A", "B"]), 2, "SEP-2787 dialects that are taken."), [
      "A",
      "B",
    ]),
    metaKeys: v.optional(
      list(
        identifier("Member of params._meta."),
        MAX_META_KEYS,
        "Members of params._meta that may carry an envelope.",
      ),
      ["attestation"],
    ),
    maxExpSeconds: v.optional(integer(1, MAX_ATTESTATION_TTL, "Longest expSeconds."), MAX_ATTESTATION_TTL),
    multiServer: flag("Takes plans of several calls, of which exactly one is for this server."),
    redactedTools: v.optional(
      v.pipe(
        list(
          redactedTool,
          MAX_TENANT_LIST,
          "Tools whose attestation may show a part of the arguments only. The other arguments are not bound.",
        ),
        must(listsToolTwice),
      ),
      [],
    ),
    references: v.optional(references),
    numbersA: v.optional(
      numbers("Which numbers envelopes of dialects A and C, and the arguments they are for, may hold."),
      "any",
    ),
    unsafeNumbersB: v.optional(
      numbers(
        "The same for dialect B. Its signers write integers alone, so that others are somebody else's.",
      ),
      "integer",
    ),
    refuseUnboundInput: v.optional(
      v.pipe(
        fields({
          tools: v.optional(nonEmptyList(toolName, MAX_TENANT_LIST, "Tools this is for; all where absent.")),
        }),
        v.description(
          "Refuses attested calls with inputResponses or requestState: no attestation binds them.",
        ),
      ),
    ),
    unsafeNonCanonicalHeader: flag("Takes an envelope in X-MCP-Attestation that is not in canonical form."),
    stripHeader: flag("Keeps X-MCP-Attestation from the origin, which could verify it again."),
  }),
  v.description("Tool call attestations (SEP-2787)."),
);

const attestationKeyName = {
  iss: identifier("The iss of envelopes made with this key."),
  secretVersion: identifier("The secretVersion of envelopes made with this key."),
};

export const attestationKey = v.variant("alg", [
  fields({
    ...attestationKeyName,
    alg: v.literal("HS256"),
    secret: v.pipe(
      v.string(),
      v.maxLength(MAX_SECRET_LENGTH, `must have at most ${MAX_SECRET_LENGTH} characters`),
      v.description("Shared secret in base64url without padding. Whoever verifies with it can also forge."),
    ),
    unsafeDialectC: flag(
      "Takes envelopes that were signed with an empty signature member in them, as the SEP author's example does.",
    ),
  }),
  fields({ ...attestationKeyName, alg: v.literal("ES256"), jwk: jwk("Public JWK: P-256.") }),
  fields({ ...attestationKeyName, alg: v.literal("RS256"), jwk: jwk("Public JWK: RSA, 2048 bits or more.") }),
]);

/** What the members of an envelope tell apart. */
export type AttestationDialect = "A" | "B";

/** C has the members of A, and only its signature is another: over the envelope with `signature: ""` in it. */
export type SignedDialect = AttestationDialect | "C";

export interface AttestationPolicy {
  readonly dialects: ReadonlySet<AttestationDialect>;
  /** Members of `params._meta` that may carry an envelope. */
  readonly metaKeys: readonly string[];
  /** Longest `expSeconds`. */
  readonly maxTtl: number;
  readonly multiServer: boolean;
  /** By tool, what a projection has to be that is neither the arguments nor their digest. A tool that is not here takes none. */
  readonly redaction: ReadonlyMap<string, "subset" | "unsafeAnyProjection">;
  /** Null where no reference is resolved. */
  readonly references: ReferencePolicy | null;
  readonly numbers: Readonly<Record<SignedDialect, NumberPolicy>>;
  /** Tools whose attested calls must not carry what no attestation binds. */
  readonly refusesUnboundInput: ReadonlySet<string> | "all";
  /** Whether the header may hold an envelope that is not in canonical form. */
  readonly unsafeNonCanonicalHeader: boolean;
  /** Whether the header is kept from the origin. */
  readonly stripHeader: boolean;
}

export interface ReferencePolicy {
  readonly hosts: ReadonlySet<string>;
  /** Name of a Fetcher binding to fetch through; null for the internet. */
  readonly binding: string | null;
}

export const attestationPolicy = ({
  dialects,
  metaKeys,
  maxExpSeconds,
  multiServer,
  redactedTools,
  references,
  numbersA,
  unsafeNumbersB,
  refuseUnboundInput,
  unsafeNonCanonicalHeader,
  stripHeader,
}: v.InferOutput<typeof attestation>): AttestationPolicy => ({
  dialects: new Set(dialects),
  metaKeys,
  maxTtl: maxExpSeconds,
  multiServer,
  redaction: new Map(
    redactedTools.map(({ tool, unsafeAnyProjection }) => [
      tool,
      unsafeAnyProjection ? "unsafeAnyProjection" : "subset",
    ]),
  ),
  references: references ? { hosts: new Set(references.hosts), binding: references.binding ?? null } : null,
  numbers: { A: numbersA, B: unsafeNumbersB, C: numbersA },
  refusesUnboundInput:
    refuseUnboundInput && refuseUnboundInput.tools === undefined ? "all" : new Set(refuseUnboundInput?.tools),
  unsafeNonCanonicalHeader,
  stripHeader,
});
