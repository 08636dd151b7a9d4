import { admitted, type CaseSource, denied } from "../../make/case.ts";
import { attested, type Dialect, policy } from "./calls.ts";

const REDACTED = "Countersign attestation, gap 1";

const LONG = { query: "tides", limit: 3, where: { sea: "North", depth: null }, days: [1, 2] };

/** A digest that is that of nothing here. */
const WRONG = `{"digest":"sha256:${"0".repeat(64)}"}`;

export function redacted(dialect: Dialect): readonly CaseSource[] {
  const shown = (projectionText: string) =>
    attested(dialect, { projectionText }, { tool: "sealed", arguments: LONG });
  const subset = policy({ redactedTools: [{ tool: "sealed" }] });
  const any = policy({ redactedTools: [{ tool: "sealed", unsafeAnyProjection: true }] });
  return [
    denied(
      "redacted",
      "attestation.redacted_not_allowed",
      "A part of the arguments",
      REDACTED,
      shown('{"query":"tides"}'),
    ),
    admitted(
      "redacted-listed",
      "A part of the arguments, for a tool that is listed",
      REDACTED,
      shown('{"query":"tides"}'),
      subset,
    ),
    admitted("redacted-nested", "A part of a part", REDACTED, shown('{"where":{"sea":"North"}}'), subset),
    denied(
      "redacted-other-tool",
      "attestation.redacted_not_allowed",
      "A part of the arguments, where another tool is listed",
      REDACTED,
      shown('{"query":"tides"}'),
      policy({ redactedTools: [{ tool: "search" }] }),
    ),
    denied(
      "redacted-other-value",
      "attestation.redacted_not_subset",
      "A member with another value",
      REDACTED,
      shown('{"query":"waves"}'),
      subset,
    ),
    denied(
      "redacted-masked",
      "attestation.redacted_not_subset",
      "A member with its value masked",
      REDACTED,
      shown('{"query":"***"}'),
      subset,
    ),
    denied(
      "redacted-unknown",
      "attestation.redacted_not_subset",
      "A member that the arguments do not have",
      REDACTED,
      shown('{"all":true}'),
      subset,
    ),
    denied(
      "redacted-case",
      "attestation.redacted_not_subset",
      "The arguments have Query beside the query that is shown: a tool that ignores case might take it",
      REDACTED,
      attested(
        dialect,
        { projectionText: '{"query":"tides"}' },
        { tool: "sealed", arguments: { query: "tides", Query: "waves" } },
      ),
      subset,
    ),
    denied(
      "redacted-case-nested",
      "attestation.redacted_not_subset",
      "The same within a member",
      REDACTED,
      attested(
        dialect,
        { projectionText: '{"where":{"sea":"North"}}' },
        { tool: "sealed", arguments: { where: { sea: "North", SEA: "Baltic" } } },
      ),
      subset,
    ),
    denied(
      "redacted-proto",
      "attestation.redacted_not_subset",
      "A member that every object inherits",
      REDACTED,
      shown('{"constructor":{}}'),
      subset,
    ),
    denied(
      "redacted-array",
      "attestation.redacted_not_subset",
      "A part of an array: arrays are compared whole",
      REDACTED,
      shown('{"days":[1]}'),
      subset,
    ),
    denied(
      "redacted-not-object",
      "attestation.redacted_not_subset",
      "A projection that is no object",
      REDACTED,
      shown('"redacted"'),
      subset,
    ),
    denied(
      "redacted-digest",
      "attestation.hash_only_mismatch",
      "A wrong digest is no redaction",
      REDACTED,
      shown(WRONG),
      subset,
    ),
    admitted(
      "redacted-any",
      "Any projection, for a tool where the tenant says so",
      REDACTED,
      shown('{"query":"***"}'),
      any,
    ),
    denied(
      "redacted-any-digest",
      "attestation.hash_only_mismatch",
      "A wrong digest, where any projection is taken",
      REDACTED,
      shown(WRONG),
      any,
    ),
  ];
}
