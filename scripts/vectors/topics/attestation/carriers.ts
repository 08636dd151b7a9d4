import { makeCall } from "../../make/call.ts";
import { admitted, type CaseSource, denied } from "../../make/case.ts";
import { withHeader, withLine } from "../../make/message.ts";
import { attested, type Dialect, policy } from "./calls.ts";

const HEADER = "SEP-2787, HTTP transport";
const META = "SEP-2787, STDIO and SSE transport";
const BOTH = "Countersign attestation, carriers";
const MODERN = "MCP 2026-07-28, Streamable HTTP, Request Metadata";

const VERSION = { "io.modelcontextprotocol/protocolVersion": "2026-07-28" };
const MIRRORED = { "MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/call", "Mcp-Name": "sealed" };

/** Other contents, well-formed: the signature is of the one in the header. */
const otherIntent = (envelope: object): object => ({
  ...envelope,
  plannerDeclared: { intent: "Something else" },
});

/** With the padding of base64, where its length asks for some. */
const padded = (value: string): string => value.padEnd(Math.ceil(value.length / 4) * 4, "=");

export const carriers = (dialect: Dialect): readonly CaseSource[] => [
  admitted("meta", "In params._meta alone", META, attested(dialect, { in: "meta" })),
  admitted("both", "In the header and in _meta, equal", BOTH, attested(dialect, { in: "both" })),
  denied(
    "both-differ",
    "attestation.carrier_conflict",
    "The header and _meta differ",
    BOTH,
    attested(dialect, { in: "both", meta: otherIntent }),
  ),
  denied(
    "meta-array",
    "attestation.schema",
    "An array in _meta beside a good header: broken is not absent",
    BOTH,
    attested(dialect, { in: "both", meta: () => [] }),
  ),
  denied(
    "header-broken",
    "attestation.carrier_undecodable",
    "A broken header beside a good _meta",
    BOTH,
    attested(dialect, { in: "both", header: (value) => `${value}!` }),
  ),
  denied(
    "meta-case",
    "attestation.carrier_conflict",
    "_meta has another attestation beside it, in a member Attestation: a parser that ignores case would take it",
    BOTH,
    async (target) => {
      const first = await makeCall(target, attested(dialect, { in: "meta" }));
      const body = JSON.parse(Buffer.from(first.body).toString()) as {
        params: { _meta: { attestation: object } };
      };
      const { _meta } = body.params;
      const both = { ..._meta, Attestation: otherIntent(_meta.attestation) };
      const params = { ...body.params, _meta: both };
      return makeCall(target, { body: JSON.stringify({ ...body, params }) });
    },
  ),
  denied(
    "meta-case-alone",
    "attestation.carrier_conflict",
    "_meta has a member ATTESTATION, beside the header",
    BOTH,
    attested(dialect, {}, { meta: { ATTESTATION: {} } }),
  ),
  admitted(
    "meta-key",
    "In a member of _meta that the tenant names",
    BOTH,
    attested(dialect, { in: "meta" }, {}),
    policy({ metaKeys: ["com.example/attestation", "attestation"] }),
  ),
  denied(
    "meta-key-other",
    "attestation.missing",
    "In a member of _meta that the tenant does not name",
    BOTH,
    attested(dialect, { in: "meta" }),
    policy({ metaKeys: ["com.example/attestation"] }),
  ),
  denied(
    "meta-keys-differ",
    "attestation.carrier_conflict",
    "Two members of _meta that the tenant names, and they differ",
    BOTH,
    async (target) => {
      const first = await makeCall(target, attested(dialect, { in: "meta" }));
      const body = JSON.parse(Buffer.from(first.body).toString()) as {
        params: { _meta: { attestation: object } };
      };
      const { attestation } = body.params._meta;
      const _meta = { attestation, "com.example/attestation": otherIntent(attestation) };
      return makeCall(target, { body: JSON.stringify({ ...body, params: { ...body.params, _meta } }) });
    },
    policy({ metaKeys: ["attestation", "com.example/attestation"] }),
  ),
  // Three lengths in a row: whatever the length of the rest, two of them need padding.
  ...["i", "in", "int"].map((intent, i) =>
    admitted(
      `padded-${i + 1}`,
      "The header has the padding of base64, where its length asks for some",
      HEADER,
      attested(dialect, { planner: { intent }, header: padded }),
    ),
  ),
  denied(
    "padded-wrong",
    "attestation.carrier_undecodable",
    "The header has one = too many",
    HEADER,
    attested(dialect, { header: (value) => `${padded(value)}=` }),
  ),
  denied(
    "alphabet",
    "attestation.carrier_undecodable",
    "The header begins with a character of plain base64",
    HEADER,
    attested(dialect, { header: (value) => `+${value.slice(1)}` }),
  ),
  denied(
    "two-lines",
    "attestation.carrier_undecodable",
    "Two header lines with the same envelope",
    BOTH,
    attested(
      dialect,
      { header: (value) => `${value}, ${value}` },
      {
        after: (message) => {
          const [value = ""] = (
            message.headers.find(([name]) => name === "X-MCP-Attestation")?.[1] ?? ""
          ).split(", ");
          return withLine(withHeader(message, "X-MCP-Attestation", value), "X-MCP-Attestation", value);
        },
      },
    ),
  ),
  admitted(
    "stripped",
    "The tenant keeps the header from the origin",
    "Countersign attestation, gap 16",
    attested(dialect),
    {
      ...policy({ stripHeader: true }),
      expect: { forwarded: { "x-mcp-attestation": null } },
    },
  ),

  // -- MCP 2026-07-28 ---------------------------------------------------------------------------------
  admitted(
    "modern",
    "A call of revision 2026-07-28",
    MODERN,
    attested(dialect, {}, { meta: VERSION, headers: MIRRORED }),
  ),
  admitted(
    "modern-name-base64",
    "Mcp-Name in its base64 form",
    MODERN,
    attested(dialect, {}, { meta: VERSION, headers: { ...MIRRORED, "Mcp-Name": "=?base64?c2VhbGVk?=" } }),
  ),
  denied(
    "modern-result",
    "attestation.tool_differs",
    "A refusal in revision 2026-07-28 has a resultType",
    "SEP-2787, error responses",
    attested(
      dialect,
      { calls: (call) => [{ ...call, name: "search" }] },
      { meta: VERSION, headers: MIRRORED },
    ),
  ),
  denied(
    "modern-name",
    "message.header_mismatch",
    "Mcp-Name is another tool, which has its attestation",
    "Countersign attestation, gap 15",
    attested(dialect, {}, { meta: VERSION, headers: { ...MIRRORED, "Mcp-Name": "search" } }),
  ),
  denied(
    "modern-method",
    "message.header_mismatch",
    "Mcp-Method is another method",
    "Countersign attestation, gap 15",
    attested(dialect, {}, { meta: VERSION, headers: { ...MIRRORED, "Mcp-Method": "tools/list" } }),
  ),
  denied(
    "batch",
    "message.batch",
    "An attested call in an array",
    "Countersign attestation, gap 19",
    async (target) => {
      const first = await makeCall(target, attested(dialect));
      return makeCall(
        target,
        attested(dialect, {}, { body: `[${Buffer.from(first.body).toString()}]`, tool: "sealed", ect: {} }),
      );
    },
  ),
];
