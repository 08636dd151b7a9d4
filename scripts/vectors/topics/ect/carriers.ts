import { makeCall } from "../../make/call.ts";
import { admitted, type CaseSource, denied } from "../../make/case.ts";
import { headerOf } from "../../make/message.ts";
import { part, respelled } from "../../make/tokens.ts";
import { CLAIMS, claims, ect, HEADER, IDENTITY, PROFILE } from "./changes.ts";

const CARRIED = `${PROFILE}: carried in`;

export const carriersCases: readonly CaseSource[] = [
  admitted("plain", "An ECT in Wimse-ECT", CARRIED, {}),
  admitted("execution-context", "An ECT in Execution-Context", CARRIED, ect({ in: ["execution-context"] })),
  admitted("both-equal", "The same ECT in both", CARRIED, ect({ in: ["wimse-ect", "execution-context"] })),
  admitted("old-typ", "typ of the first revision", HEADER, ect({ header: { typ: "wimse-exec+jwt" } })),
  admitted(
    "par",
    "par in place of pred, as in the first revision",
    CLAIMS,
    claims({ pred: undefined, par: ["mandate-1"] }),
  ),
  admitted("aud-array", "aud is an array with our audience in it", CLAIMS, async (t) =>
    makeCall(t, claims({ aud: ["https://elsewhere.example", t.url] })),
  ),
  admitted("own-issuer", "iss is an identity of the agent that is not its subject", IDENTITY, {
    agent: "bob",
  }),
  admitted(
    "eddsa",
    "EdDSA, where the tenant allows it",
    HEADER,
    { ect: { by: "ada-ed25519" }, signature: { by: "ada-ed25519" } },
    {
      change: (d) => {
        d.ect = { algorithms: ["ES256", "EdDSA"] };
      },
    },
  ),
  denied("missing", "ect.missing", "There is no ECT", PROFILE, { ect: null }),
  admitted(
    "not-needed",
    "A method for which the tenant wants no ECT, without one",
    PROFILE,
    { rpc: { id: 1, method: "ping" }, ect: null },
    {
      expect: { headers: { "countersign-ect": null } },
    },
  ),
  admitted("not-needed-there", "The same method with one", PROFILE, { rpc: { id: 1, method: "ping" } }),
  denied(
    "not-needed-broken",
    "ect.malformed",
    "The same method with a broken one: broken is not absent",
    PROFILE,
    {
      rpc: { id: 1, method: "ping" },
      ect: { token: () => "broken" },
    },
  ),
  denied("unsigned-request", "signature.missing", "An ECT on a request without a signature", PROFILE, {
    signature: null,
  }),
  denied("conflict", "ect.conflict", "Two different ECTs, both good", CARRIED, async (t) => {
    const other = await makeCall({ ...t, step: 9 });
    return makeCall(t, { headers: { "Execution-Context": headerOf(other, "Wimse-ECT") } });
  }),
  denied("on-get", "ect.misplaced", "GET with an ECT", `${PROFILE}: comes with`, {
    method: "GET",
    ect: {},
  }),
  denied("on-delete", "ect.misplaced", "DELETE with an ECT", `${PROFILE}: comes with`, {
    method: "DELETE",
    ect: {},
  }),
  denied("on-response", "ect.misplaced", "A posted response with an ECT", `${PROFILE}: comes with`, {
    body: '{"jsonrpc":"2.0","id":"s1","result":{}}',
    ect: {},
  }),
  admitted("on-notification", "A notification with an ECT", `${PROFILE}: comes with`, {
    rpc: { method: "notifications/cancelled", params: { requestId: 1 } },
  }),

  // -- form -----------------------------------------------------------------------------------------
  denied(
    "opaque",
    "ect.malformed",
    "The token is no JWS",
    "RFC 7515 section 7.1",
    ect({ token: () => "opaque" }),
  ),
  denied(
    "two-parts",
    "ect.malformed",
    "The token has two parts",
    "RFC 7515 section 7.1",
    ect({ token: (token) => token.split(".").slice(0, 2).join(".") }),
  ),
  denied(
    "respelled",
    "ect.malformed",
    "The signature in another spelling of the same octets",
    "RFC 4648 section 3.5",
    ect({ token: part(2, respelled) }),
  ),
  denied("lines-two", "ect.malformed", "Wimse-ECT in two equal lines", "RFC 9110 section 5.3", async (t) => {
    const token = headerOf(await makeCall(t), "Wimse-ECT");
    return makeCall(t, { headers: { "Wimse-ECT": `${token}, ${token}` } });
  }),
  denied(
    "payload-array",
    "ect.malformed",
    "The claims are an array",
    "RFC 7519 section 7.2",
    ect({ payloadText: (text) => `[${text}]` }),
  ),
  denied(
    "unsigned",
    "ect.unsigned",
    "An unsigned ECT of level 1: base64url of its claims",
    `${PROFILE}: level`,
    ect({ token: (token) => token.split(".")[1] ?? "" }),
  ),
  denied(
    "too-large",
    "ect.too_large",
    "An ECT of more than 16 KiB",
    PROFILE,
    claims({ x: "x".repeat(16_384) }),
  ),
];
