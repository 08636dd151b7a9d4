import { admitted, type CaseSource, denied, NOW, sent } from "../../make/case.ts";
import { CLAIMS, claims, PRED, PROFILE } from "./changes.ts";

const AGE = `${PROFILE}: age`;

const EXT = `${PROFILE}: ect_ext`;

const WRONG_CLAIMS: readonly (readonly [id: string, title: string, claims: Record<string, unknown>])[] = [
  ["no-iss", "There is no iss", { iss: undefined }],
  ["no-aud", "There is no aud", { aud: undefined }],
  ["no-iat", "There is no iat", { iat: undefined }],
  ["no-exp", "There is no exp", { exp: undefined }],
  ["no-jti", "There is no jti", { jti: undefined }],
  ["no-exec-act", "There is no exec_act", { exec_act: undefined }],
  ["no-pred", "There is neither pred nor par", { pred: undefined }],
  ["pred-and-par", "There are pred and par", { par: ["mandate-1"] }],
  ["pred-string", "pred is a string", { pred: "mandate-1" }],
  ["pred-number", "pred has a number in it", { pred: ["mandate-1", 7] }],
  ["pred-empty-name", "pred has an empty string in it", { pred: ["mandate-1", ""] }],
  ["exec-act-array", "exec_act is an array", { exec_act: ["mcp.search"] }],
  ["inp-hash-hex", "inp_hash is in hexadecimal", { inp_hash: "0".repeat(64) }],
  ["inp-hash-padded", "inp_hash has padding", { inp_hash: "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU=" }],
  [
    "inp-hash-prefix",
    "inp_hash has the name of its algorithm before it",
    { inp_hash: "sha-256:47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU" },
  ],
  ["inp-hash-null", "inp_hash is null", { inp_hash: null }],
  ["iat-text", "iat is a string", { iat: `${NOW}` }],
  ["exp-before-iat", "exp is before iat", { exp: NOW - 1 }],
  ["jti-space", "jti has a space", { jti: "ect 1" }],
  ["wid-empty", "wid is empty", { wid: "" }],
];

const nested = (depth: number): unknown => (depth === 1 ? {} : { a: nested(depth - 1) });

export const claimsCases: readonly CaseSource[] = [
  // -- claims -----------------------------------------------------------------------------------------
  ...WRONG_CLAIMS.map(([id, title, changes]) => denied(id, "ect.claims", title, CLAIMS, claims(changes))),
  admitted("ext", "ect_ext with five levels", EXT, claims({ ect_ext: nested(5) })),
  denied("ext-deep", "ect.extension", "ect_ext with six levels", EXT, claims({ ect_ext: nested(6) })),
  admitted(
    "ext-large",
    "ect_ext of 4096 bytes",
    EXT,
    claims({ ect_ext: { a: "x".repeat(4096 - '{"a":""}'.length) } }),
  ),
  denied(
    "ext-too-large",
    "ect.extension",
    "ect_ext of 4097 bytes",
    EXT,
    claims({ ect_ext: { a: "x".repeat(4097 - '{"a":""}'.length) } }),
  ),
  denied("ext-array", "ect.extension", "ect_ext is an array", EXT, claims({ ect_ext: [] })),
  denied(
    "pred-257",
    "ect.pred_too_long",
    "pred with 257 entries",
    PRED,
    claims({ pred: Array.from({ length: 257 }, (_, i) => `p-${i}`) }),
  ),

  // -- time and audience --------------------------------------------------------------------------------
  admitted("ahead-30", "iat is 30 s ahead", AGE, claims({ iat: NOW + 30 })),
  denied("ahead-31", "ect.in_future", "iat is 31 s ahead", AGE, claims({ iat: NOW + 31 })),
  denied("nbf-31", "ect.in_future", "nbf is 31 s ahead", AGE, claims({ nbf: NOW + 31 })),
  denied(
    "too-old",
    "ect.too_old",
    "931 s after iat, long before exp",
    AGE,
    claims({ iat: NOW - 931, exp: NOW + 9999 }),
  ),
  denied("tenant-age", "ect.too_old", "Older than the tenant takes", AGE, claims({ iat: NOW - 91 }), {
    change: (d) => {
      d.ect = { maxAgeSeconds: 60 };
    },
  }),
  admitted("tenant-age-just", "As old as the tenant takes, and 30 s", AGE, claims({ iat: NOW - 90 }), {
    before: [sent({}, { at: -120 })],
    change: (d) => {
      d.ect = { maxAgeSeconds: 60 };
    },
  }),
  denied("expired", "ect.expired", "31 s after exp", AGE, claims({ iat: NOW - 60, exp: NOW - 31 })),
  denied(
    "audience",
    "ect.audience",
    "An ECT for another tenant",
    CLAIMS,
    claims({ aud: "https://gateway.example/other/mcp" }),
  ),
];
