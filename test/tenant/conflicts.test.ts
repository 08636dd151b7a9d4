import { describe, expect, test } from "vitest";
import { findConflicts } from "../../src/tenant/conflicts.ts";
import type { TenantDocument } from "../../src/tenant/schema/document.ts";
import { minimal, tenantOf } from "./documents.ts";

const acme: Partial<TenantDocument> = { publicUrl: "https://acme.example/mcp" };
const beta: Partial<TenantDocument> = { id: "beta", publicUrl: "https://beta.example/mcp" };

const conflicts = async (...documents: Partial<TenantDocument>[]) =>
  findConflicts(await Promise.all(documents.map((document) => tenantOf({ ...minimal(), ...document }))));

describe("tenants that share a value", () => {
  test.each<
    [what: string, a: Partial<TenantDocument>, b: Partial<TenantDocument>, path: string, other: string]
  >([
    [
      "public URL",
      acme,
      { ...beta, publicUrl: "https://acme.example/mcp" },
      "beta.publicUrl",
      "acme (publicUrl)",
    ],
    [
      "audience",
      { ...acme, audiences: ["x"] },
      { ...beta, audiences: ["y", "x"] },
      "beta.audiences",
      "acme (audiences)",
    ],
    [
      "fingerprint",
      { ...acme, serverFingerprints: ["mcp://x"] },
      { ...beta, serverFingerprints: ["mcp://x"] },
      "beta.serverFingerprints",
      "acme (serverFingerprints)",
    ],
    [
      "public URL as an audience",
      { ...acme, audiences: ["https://beta.example/mcp"] },
      { ...beta, audiences: ["y"], serverFingerprints: ["z"] },
      "beta.publicUrl",
      "acme (audiences)",
    ],
  ])("%s", async (_, a, b, path, other) => {
    expect(await conflicts(a, b)).toEqual([{ path, problem: expect.stringContaining(`tenant ${other}`) }]);
  });

  test("id", async () => {
    expect(await conflicts(acme, { ...beta, id: "acme" })).toEqual([
      { path: "acme.id", problem: "is the id of two tenants" },
    ]);
  });

  test("every sharer is reported against the first", async () => {
    const shared = { audiences: ["x"] };
    const faults = await conflicts(
      { ...acme, ...shared },
      { ...beta, ...shared },
      { id: "gamma", ...shared },
    );
    expect(faults.map(({ path }) => path)).toEqual(["beta.audiences", "gamma.audiences"]);
  });
});

test("two host tenants on one host, which KV could lead to one of them only", async () => {
  const [one, two] = ["https://one.example/a", "https://one.example/b"];
  const faults = await conflicts({ id: "one", publicUrl: one }, { id: "two", publicUrl: two });
  expect(faults).toEqual([
    { path: "two.publicUrl", problem: '"one.example" also means tenant one (publicUrl)' },
  ]);
});

test("tenants that share nothing", async () => {
  expect(await conflicts(acme, beta, { id: "gamma" })).toEqual([]);
  expect(await conflicts({ ...acme, audiences: ["x"] }, { ...beta, audiences: ["X", "x."] })).toEqual([]);
});
