import { type Call, makeCall, notCovering } from "../../make/call.ts";
import { admitted, type CaseSource, denied } from "../../make/case.ts";
import type { Covered } from "../../make/http-signature.ts";
import { headerOf, withLine } from "../../make/message.ts";
import { PROFILE, signature } from "./changes.ts";

const COVERAGE = "RFC 9421 section 7.2.1";

const only = (...components: readonly Covered[]): Call => signature({ components: () => components });

/** Headers that `agent` must cover where they are there. */
const COVERED_HEADERS: readonly (readonly [name: string, value: string])[] = [
  ["Last-Event-ID", "7"],
  ["Mcp-Method", "tools/call"],
  ["Mcp-Name", "search"],
  ["MCP-Protocol-Version", "2025-11-25"],
  ["Mcp-Param-Region", "north"],
  ["Content-Encoding", "identity"],
];

export const coverageCases: readonly CaseSource[] = [
  // -- coverage --------------------------------------------------------------
  denied("nothing", "signature.coverage", "A good signature over nothing", COVERAGE, only()),
  denied(
    "method-alone",
    "signature.coverage",
    "A good signature over @method alone",
    COVERAGE,
    only("@method"),
  ),
  denied(
    "method-req",
    "signature.coverage",
    'A good signature over "@method";req, which is another component',
    COVERAGE,
    signature({
      components: (names) =>
        names.map((name) => (name === "@method" ? { id: '"@method";req', value: "POST" } : name)),
    }),
  ),
  ...["@method", "@target-uri", "authorization", "content-digest", "content-type", "wimse-ect"].map((name) =>
    denied(
      `without-${name.replace("@", "")}`,
      "signature.coverage",
      `Everything but ${name} is covered`,
      COVERAGE,
      signature({ components: notCovering(name) }),
    ),
  ),
  denied(
    "path-for-target",
    "signature.coverage",
    "@path and @authority in place of @target-uri",
    PROFILE,
    signature({
      components: (names) => [...names.filter((name) => name !== "@target-uri"), "@authority", "@path"],
    }),
  ),
  denied(
    "digest-key",
    "signature.coverage",
    "One member of Content-Digest in place of all of it",
    PROFILE,
    async (t) => {
      const value = headerOf(await makeCall(t), "Content-Digest").replace("sha-256=", "");
      const member = { id: '"content-digest";key="sha-256"', value };
      const components = (names: readonly string[]) =>
        names.map((name) => (name === "content-digest" ? member : name));
      return makeCall(t, signature({ components }));
    },
  ),
  denied(
    "added-authorization",
    "signature.coverage",
    "Authorization is added to a captured request that has its mandate in ACT-Mandate",
    COVERAGE,
    {
      mandate: { in: ["act-mandate"] },
      after: (m) => withLine(m, "Authorization", `Bearer ${headerOf(m, "ACT-Mandate")}`),
    },
  ),
  denied("added-execution-context", "signature.coverage", "The ECT is added in its other header", COVERAGE, {
    after: (m) => withLine(m, "Execution-Context", headerOf(m, "Wimse-ECT")),
  }),
  denied(
    "added-attestation",
    "signature.coverage",
    "An attestation is added to a captured request",
    COVERAGE,
    {
      after: (m) => withLine(m, "X-MCP-Attestation", "e30"),
    },
  ),
  ...COVERED_HEADERS.map(([name, value]) =>
    denied(
      `added-${name.toLowerCase()}`,
      "signature.coverage",
      `${name} is added to a captured request`,
      COVERAGE,
      { after: (m) => withLine(m, name, value) },
    ),
  ),
  admitted(
    "covered-mcp",
    "Mcp-Param-* that are covered",
    PROFILE,
    { headers: { "Mcp-Param-Region": "north" } },
    {
      expect: { forwarded: { "mcp-param-region": "north" } },
    },
  ),
  denied(
    "uncovered-forwarded",
    "signature.coverage",
    "A header that the tenant forwards is not covered",
    PROFILE,
    {
      after: (m) => withLine(m, "X-Department", "7"),
    },
    {
      change: (d) => {
        d.origin.forwardHeaders = ["x-department"];
      },
    },
  ),
  admitted(
    "uncovered-unforwarded",
    "A header that nobody reads need not be covered, and goes no further",
    PROFILE,
    {
      after: (m) => withLine(m, "X-Department", "7"),
    },
    { expect: { forwarded: { "x-department": null } } },
  ),
  admitted("uncovered-accept", "User-Agent and trace context are added on the way", PROFILE, {
    after: (m) =>
      withLine(
        withLine(m, "User-Agent", "proxy"),
        "traceparent",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
      ),
  }),
  denied(
    "field-named-method",
    "signature.mismatch",
    "The signer took a field of its own for @method",
    "RFC 9421 section 7.5.1",
    signature({
      components: (names) =>
        names.map((name) => (name === "@method" ? { id: '"@method"', value: "GET" } : name)),
    }),
  ),
];
