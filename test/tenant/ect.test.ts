import { describe, expect, test } from "vitest";
import { compileTenant } from "../../src/tenant/compile.ts";
import type { TenantDocument } from "../../src/tenant/schema/document.ts";
import { adaEd25519, compiled, document, GATEWAY } from "../support/acme.ts";

const faults = async (changes: Partial<TenantDocument>): Promise<string[]> => {
  const result = await compileTenant(JSON.stringify(document(changes)), GATEWAY);
  return result.ok ? [] : result.error.map(({ path }) => path);
};

describe("the section ect", () => {
  test("what is safe is the default", async () => {
    expect((await compiled()).ect).toEqual({
      level: 2,
      unsafeUnsigned: false,
      deniedParents: true,
      algorithms: new Set(["ES256"]),
      maxAge: 900,
    });
  });

  test("a document can ask for more", async () => {
    const { ect } = await compiled({ ect: { level: 3, deniedParents: false } });
    expect(ect).toMatchObject({ level: 3, deniedParents: false });
  });

  test.each<[string, unknown]>([
    ["ect.level", 1],
    ["ect.level", 4],
    ["ect.level", "2"],
    ["ect.unsafeUnsigned", "true"],
    ["ect.deniedParents", null],
    ["ect.unsigned", true],
  ])("%s cannot be %j", async (path, value) => {
    expect(await faults({ ect: { [path.slice("ect.".length)]: value } as never })).toEqual([path]);
  });

  test("level 1 cannot be taken where level 3 is asked for", async () => {
    expect(await faults({ ect: { level: 3, unsafeUnsigned: true } })).toEqual(["ect.unsafeUnsigned"]);
    expect(await faults({ ect: { level: 2, unsafeUnsigned: true } })).toEqual([]);
  });

  test("an agent whose keys cannot sign ECTs is of use only where unsigned ones are taken", async () => {
    const agents = [{ name: "ada", subjects: ["agent:ada"], keys: [{ jwk: adaEd25519.jwk }] }] as never;
    const issuers = document()
      .issuers.slice(0, 1)
      .map((issuer) => ({ ...issuer, agents: ["ada"] }));
    const own = { agents, issuers, policy: {} };
    expect(await faults(own)).toEqual(["agents[0].keys"]);
    expect(await faults({ ...own, ect: { unsafeUnsigned: true } })).toEqual([]);
  });
});
