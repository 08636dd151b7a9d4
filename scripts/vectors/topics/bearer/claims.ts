import { makeCall } from "../../make/call.ts";
import { admitted, type CaseSource, denied, NOW } from "../../make/case.ts";
import { claims, PROFILE } from "./changes.ts";

const CLAIMS = `${PROFILE}: claims`;

/** Claims that a mandate must have, each with something else that it must not be. */
const WRONG_CLAIMS: readonly (readonly [id: string, title: string, claims: Record<string, unknown>])[] = [
  ["no-iss", "There is no iss", { iss: undefined }],
  ["no-sub", "There is no sub", { sub: undefined }],
  ["no-aud", "There is no aud", { aud: undefined }],
  ["no-iat", "There is no iat", { iat: undefined }],
  ["no-exp", "There is no exp", { exp: undefined }],
  ["no-jti", "There is no jti", { jti: undefined }],
  ["no-task", "There is no task", { task: undefined }],
  ["no-purpose", "task has no purpose", { task: {} }],
  ["no-cap", "There is no cap", { cap: undefined }],
  ["sub-number", "sub is a number", { sub: 7 }],
  ["sub-space", "sub has a space behind it", { sub: "agent:ada " }],
  ["sub-not-ascii", "sub has a Cyrillic letter that looks like a Latin one", { sub: "agent:\u0430da" }],
  ["aud-empty", "aud is an empty array", { aud: [] }],
  ["aud-17", "aud has 17 entries", { aud: Array.from({ length: 17 }, (_, i) => `https://a.example/${i}`) }],
  ["aud-nested", "aud has an array in it", { aud: [["https://gateway.example"]] }],
  ["iat-text", "iat is a string", { iat: `${NOW}` }],
  ["iat-fraction", "iat has a fraction", { iat: NOW + 0.5 }],
  ["exp-null", "exp is null", { exp: null }],
  ["exp-not-after-iat", "exp is not after iat", { exp: NOW }],
  ["nbf-text", "nbf is a string", { nbf: `${NOW}` }],
  ["jti-empty", "jti is empty", { jti: "" }],
  ["jti-129", "jti has 129 characters", { jti: "j".repeat(129) }],
  ["wid-number", "wid is a number", { wid: 1 }],
  ["purpose-object", "task.purpose is an object", { task: { purpose: {} } }],
  ["cap-empty", "cap is an empty array", { cap: [] }],
  ["cap-object", "cap is an object", { cap: { action: "mcp.search" } }],
  ["cap-string", "cap has a string in it", { cap: ["mcp.search"] }],
  ["cap-no-action", "An entry of cap has no action", { cap: [{ action: "mcp.search" }, {}] }],
  [
    "cap-257",
    "cap has 257 entries",
    { cap: Array.from({ length: 257 }, (_, i) => ({ action: `mcp.tool-${i}` })) },
  ],
];

/** Claims of an execution record. */
const RECORD_CLAIMS: readonly (readonly [claim: string, value: unknown])[] = [
  ["exec_act", "mcp.search"],
  ["exec_ts", NOW],
  ["status", "completed"],
  ["pred", []],
  ["par", []],
  ["err", {}],
  ["inp_hash", "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"],
  ["out_hash", "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"],
];

export const claimsCases: readonly CaseSource[] = [
  // -- claims ---------------------------------------------------------------------------------------
  ...WRONG_CLAIMS.map(([id, title, changes]) => denied(id, "act.claims", title, CLAIMS, claims(changes))),
  ...RECORD_CLAIMS.map(([claim, value]) =>
    denied(
      `record-${claim.replace("_", "-")}`,
      "act.phase",
      `The mandate has ${claim}, so it is an execution record`,
      `${PROFILE}: record claims`,
      claims({ [claim]: value }),
    ),
  ),
  admitted("aud-array", "aud is an array with our audience in it", CLAIMS, async (t) => {
    return makeCall(t, claims({ aud: ["https://elsewhere.example/mcp", t.url] }));
  }),
  admitted("nbf", "nbf is in the past", CLAIMS, claims({ nbf: NOW - 60 })),
  admitted(
    "unknown-claim",
    "A claim that nobody knows",
    CLAIMS,
    claims({ "https://example.com/x": [1, null] }),
  ),
  admitted("wid", "The mandate belongs to a workflow", CLAIMS, claims({ wid: "workflow-1" })),
];
