import { describe, expect, test } from "vitest";
import { type AuditRecord, GENESIS, hashRecord } from "../../src/audit/record.ts";
import { toBase64url, utf8 } from "../../src/encoding.ts";

const record: Omit<AuditRecord, "hash"> = {
  v: 1,
  id: "decision-1",
  kind: "decision",
  decision: "decision-1",
  tenant: "acme",
  revision: "rev",
  chain: "incarnation",
  seq: 1,
  time: 2_000_000_000_000,
  verdict: "admitted",
  reason: null,
  principal: "agent:scout",
  mandate: '["https://issuer.example","m"]',
  run: '["jti","https://issuer.example","m"]',
  method: "tools/call",
  tool: "search",
  action: "mcp.search",
  input_hash: "in",
  output_hash: null,
  status: null,
  latency_ms: null,
  count: null,
  checks: ["mandate", "signature.agent"],
  prev_hash: GENESIS,
};

/** What anybody can compute without our code: for a flat object of short texts RFC 8785 is JSON with sorted names. */
async function independentHash(value: object): Promise<string> {
  const sorted = Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
  const bytes = utf8(`countersign-audit-record-v1\n${JSON.stringify(sorted)}`);
  return toBase64url(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)));
}

describe("the hash of a record", () => {
  test("is SHA-256 over the domain and the canonical form", async () => {
    expect(await hashRecord(record)).toBe(await independentHash(record));
    expect(await hashRecord(record)).toBe("KOwbJbPEodfULwBoZFZu91xj3JqtybH_F2PrO0EebCI");
  });

  test("does not depend on the order of the members", async () => {
    const reversed = Object.fromEntries(Object.entries(record).reverse()) as typeof record;
    expect(await hashRecord(reversed)).toBe(await hashRecord(record));
  });

  test.each(Object.keys(record) as (keyof typeof record)[])("covers %s", async (name) => {
    const value = record[name];
    const other = name === "checks" ? ["mandate"] : typeof value === "number" ? value + 1 : `${value}x`;
    expect(await hashRecord({ ...record, [name]: other })).not.toBe(await hashRecord(record));
  });

  test("tells null from an empty text, and one check from two", async () => {
    const hashes = await Promise.all([
      hashRecord(record),
      hashRecord({ ...record, tool: null }),
      hashRecord({ ...record, tool: "" }),
      hashRecord({ ...record, tool: "null" }),
      hashRecord({ ...record, checks: ["mandate,signature.agent"] }),
      hashRecord({ ...record, checks: [] }),
    ]);
    expect(new Set(hashes).size).toBe(hashes.length);
  });
});

test("the first record has a predecessor of 32 zero bytes", () => {
  expect(GENESIS).toBe("A".repeat(43));
});
