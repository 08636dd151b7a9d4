import { alsoCovering, makeCall } from "../../make/call.ts";
import { admitted, type CaseSource, denied } from "../../make/case.ts";
import type { Covered } from "../../make/http-signature.ts";
import { headerOf, withLine } from "../../make/message.ts";
import { BASE, covering } from "./changes.ts";

const WRONG_COMPONENTS: readonly (readonly [id: string, title: string, rule: string, covered: Covered])[] = [
  ["absent", "A covered field that is not there", "RFC 9421 section 2.1", { id: '"x-absent"', value: "" }],
  [
    "unknown-derived",
    "A derived component that does not exist",
    "RFC 9421 section 2.2",
    { id: '"@nothing"', value: "" },
  ],
  [
    "signature-params",
    "@signature-params among the components",
    "RFC 9421 section 2.3",
    { id: '"@signature-params"', value: "" },
  ],
  ["status", "@status in a request", "RFC 9421 section 2.2.9", { id: '"@status"', value: "200" }],
  ["req", "req in a request", "RFC 9421 section 2.4", { id: '"@authority";req', value: "gateway.example" }],
  [
    "bs",
    "bs: Fetch does not keep separate lines",
    "RFC 9421 section 2.1.3",
    { id: '"accept";bs', value: ":YXBwbGljYXRpb24vanNvbiwgdGV4dC9ldmVudC1zdHJlYW0=:" },
  ],
  [
    "tr",
    "tr: there are no trailers",
    "RFC 9421 section 2.1.4",
    { id: '"accept";tr', value: "application/json, text/event-stream" },
  ],
  [
    "unknown-parameter",
    "A component with a parameter that does not exist",
    "RFC 9421 section 2.1",
    { id: '"accept";x', value: "application/json, text/event-stream" },
  ],
  [
    "sf-unknown",
    "sf on a field whose type is not known",
    "RFC 9421 section 2.1.1",
    { id: '"accept";sf', value: "application/json, text/event-stream" },
  ],
  [
    "key-absent",
    "key of a member that is not there",
    "RFC 9421 section 2.1.2",
    { id: '"content-digest";key="sha-512"', value: "" },
  ],
  [
    "capitals",
    "A field name in capitals",
    "RFC 9421 section 2.1",
    { id: '"Accept"', value: "application/json, text/event-stream" },
  ],
  ["twice", "A component twice", "RFC 9421 section 2.5", "@method"],
  [
    "query-param-absent",
    "@query-param of a parameter that is not there",
    "RFC 9421 section 2.2.8",
    { id: '"@query-param";name="a"', value: "" },
  ],
  [
    "query-param-nameless",
    "@query-param without its name",
    "RFC 9421 section 2.2.8",
    { id: '"@query-param"', value: "" },
  ],
];

/** Derived components, with what stands in their lines. */
const DERIVED: readonly (readonly [id: string, section: string, covered: Covered])[] = [
  ["authority", "2.2.3", "@authority"],
  ["scheme", "2.2.4", "@scheme"],
  ["request-target", "2.2.5", "@request-target"],
  ["path", "2.2.6", "@path"],
  ["query", "2.2.7", "@query"],
];

export const componentsCases: readonly CaseSource[] = [
  // -- components ----------------------------------------------------------------
  ...WRONG_COMPONENTS.map(([id, title, rule, covered]) =>
    denied(id, "signature.component", title, rule, covering(covered)),
  ),
  ...DERIVED.map(([id, section, covered]) =>
    admitted(
      `derived-${id}`,
      `${String(covered)} is covered as well`,
      `RFC 9421 section ${section}`,
      covering(covered),
    ),
  ),
  admitted("sf", "Content-Digest in strict serialisation", "RFC 9421 section 2.1.1", async (t) => {
    const plain = await makeCall(t);
    return makeCall(t, covering({ id: '"content-digest";sf', value: headerOf(plain, "Content-Digest") }));
  }),
  admitted("key", "One member of Content-Digest", "RFC 9421 section 2.1.2", async (t) => {
    const plain = await makeCall(t);
    return makeCall(
      t,
      covering({
        id: '"content-digest";key="sha-256"',
        value: headerOf(plain, "Content-Digest").replace("sha-256=", ""),
      }),
    );
  }),
  admitted(
    "sf-spacing",
    "A Dictionary with odd spacing, covered in strict serialisation and as it stands",
    "RFC 9421 section 2.1.1",
    {
      headers: { Priority: "u=1  ,   i" },
      signature: { components: alsoCovering("priority", { id: '"priority";sf', value: "u=1, i" }) },
    },
  ),
  denied(
    "sf-raw",
    "signature.mismatch",
    "The signer did not serialise strictly what it says it did",
    "RFC 9421 section 2.1.1",
    {
      headers: { Priority: "u=1  ,   i" },
      signature: { components: alsoCovering({ id: '"priority";sf', value: "u=1  ,   i" }) },
    },
  ),
  admitted("key-bare", "A member without a value is true", "RFC 9421 section 2.1.2", {
    headers: { Priority: "u=1, i" },
    signature: { components: alsoCovering({ id: '"priority";key="i"', value: "?1" }) },
  }),
  admitted("empty-field", "A covered field that is empty", "RFC 9421 section 2.1", {
    headers: { "X-Empty": "" },
    signature: { components: alsoCovering("x-empty") },
  }),
  admitted("several-lines", "A covered field in several lines", "RFC 9421 section 2.1", {
    signature: { components: alsoCovering({ id: '"x-list"', value: "a, b  c, d" }) },
    after: (m) => withLine(withLine(withLine(m, "X-List", "a "), "X-List", "  b  c"), "X-List", "d"),
  }),
  denied(
    "several-lines-swapped",
    "signature.mismatch",
    "The same with two lines swapped",
    "RFC 9421 section 2.1",
    {
      signature: { components: alsoCovering({ id: '"x-list"', value: "a, b  c, d" }) },
      after: (m) => withLine(withLine(withLine(m, "X-List", "a "), "X-List", "d"), "X-List", "  b  c"),
    },
  ),
  denied(
    "flag-false",
    "signature.component",
    "sf=?0, which is not sf",
    "RFC 9421 section 2.1",
    covering({ id: '"content-digest";sf=?0', value: "" }),
  ),
  denied(
    "bs-and-sf",
    "signature.component",
    "bs with sf",
    "RFC 9421 section 2.1",
    covering({ id: '"content-digest";bs;sf', value: "" }),
  ),
  denied("utf8", "signature.component", "UTF-8 in a covered value", BASE, {
    headers: { "X-Name": "\u00c3\u00a9" },
    signature: { components: alsoCovering("x-name") },
  }),
  denied("not-utf8", "signature.component", "An octet that is no UTF-8 in a covered value", BASE, {
    headers: { "X-Name": "\u00e9" },
    signature: { components: alsoCovering("x-name") },
  }),
];
