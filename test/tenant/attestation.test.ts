import * as v from "valibot";
import { describe, expect, test } from "vitest";
import { attestation } from "../../src/tenant/schema/attestation.ts";
import { policyOf } from "../support/attestation-policy.ts";

test("what a tenant that says nothing takes", () => {
  expect(policyOf()).toEqual({
    dialects: new Set(["A", "B"]),
    metaKeys: ["attestation"],
    maxTtl: 300,
    multiServer: false,
    redaction: new Map(),
    references: null,
    numbers: { A: "any", B: "integer", C: "any" },
    refusesUnboundInput: new Set(),
    unsafeNonCanonicalHeader: false,
    stripHeader: false,
  });
});

test("what each setting changes", () => {
  const policy = policyOf({
    dialects: ["A"],
    metaKeys: ["com.example/attestation"],
    maxExpSeconds: 60,
    multiServer: true,
    redactedTools: [{ tool: "search" }, { tool: "write", unsafeAnyProjection: true }],
    references: { hosts: ["blobs.example"], binding: "BLOBS" },
    numbersA: "canonical",
    unsafeNumbersB: "any",
    refuseUnboundInput: { tools: ["write"] },
    unsafeNonCanonicalHeader: true,
    stripHeader: true,
  });
  expect(policy).toEqual({
    dialects: new Set(["A"]),
    metaKeys: ["com.example/attestation"],
    maxTtl: 60,
    multiServer: true,
    redaction: new Map([
      ["search", "subset"],
      ["write", "unsafeAnyProjection"],
    ]),
    references: { hosts: new Set(["blobs.example"]), binding: "BLOBS" },
    numbers: { A: "canonical", B: "any", C: "canonical" },
    refusesUnboundInput: new Set(["write"]),
    unsafeNonCanonicalHeader: true,
    stripHeader: true,
  });
  expect(policyOf({ refuseUnboundInput: {} }).refusesUnboundInput).toBe("all");
  expect(policyOf({ references: { hosts: ["blobs.example"] } }).references?.binding).toBeNull();
});

describe("what is no setting", () => {
  test.each<[string, object]>([
    ["a dialect that has no members of its own", { dialects: ["A", "C"] }],
    ["no dialect", { dialects: [] }],
    ["a longer life than the SEP recommends", { maxExpSeconds: 301 }],
    ["a looser policy for B without the word", { numbersB: "any" }],
    [
      "a tool listed twice, once unsafe",
      { redactedTools: [{ tool: "a" }, { tool: "a", unsafeAnyProjection: true }] },
    ],
    ["all tools at once", { redactedTools: [{}] }],
    ["no tool", { refuseUnboundInput: { tools: [] } }],
    ["no host", { references: { hosts: [] } }],
    ["references from anywhere", { references: {} }],
    ...[
      "https://blobs.example",
      "blobs.example/path",
      "blobs.example?x",
      "blobs.example:8443",
      "user@blobs.example",
      "Blobs.example",
      "blobs.example.",
      "*.example",
      "",
      "blobs",
      "localhost",
      "api.internal",
      "127.0.0.1",
      "[::1]",
      "2130706433",
    ].map((host): [string, object] => [`the host ${host}`, { references: { hosts: [host] } }]),
  ])("%s", (_, section) => {
    expect(v.safeParse(attestation, section).success).toBe(false);
  });
});
