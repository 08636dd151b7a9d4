import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";

const directory = await mkdtemp(join(tmpdir(), "countersign-check-"));
afterAll(() => rm(directory, { recursive: true }));

const check = (...args: string[]): Promise<{ code: number; out: string; err: string }> =>
  new Promise((resolve) => {
    execFile(process.execPath, ["src/cli/main.ts", "tenant", "check", ...args], (error, out, err) =>
      resolve({ code: typeof error?.code === "number" ? error.code : 0, out, err }),
    );
  });

async function file(name: string, document: object): Promise<string> {
  const path = join(directory, name);
  await writeFile(path, JSON.stringify(document));
  return path;
}

const document = (id: string) => ({
  id,
  origin: { url: "https://origin.example/mcp" },
  issuers: [],
  agents: [],
});
const GATEWAY = ["--gateway", "https://gateway.example"];

test("good documents: where each would be served", async () => {
  const { code, out } = await check(
    ...GATEWAY,
    await file("a.json", document("a")),
    await file("b.json", document("b")),
  );
  expect(code).toBe(0);
  expect(out).toContain("a at https://gateway.example/a/mcp");
  expect(out).toContain("b at https://gateway.example/b/mcp");
});

test("every fault, with file and path; also between documents", async () => {
  const wrong = await file("wrong.json", {
    ...document("wrong"),
    agents: [{ name: "X", keys: [] }],
    evidense: [],
  });
  const one = await file("one.json", { ...document("one"), audiences: ["same"] });
  const two = await file("two.json", { ...document("two"), audiences: ["same"] });
  const { code, err } = await check(...GATEWAY, wrong, one, two);
  expect(code).toBe(1);
  expect(err).toMatch(/wrong\.json: agents\[0\]\.name: /);
  expect(err).toMatch(/wrong\.json: evidense: is not a known field/);
  expect(err).toMatch(/two\.json: two\.audiences: "same" also means tenant one/);
});

test("a typo in what callers may do: named with its path, wherever it is", async () => {
  const wrong = await file("policy.json", {
    ...document("policy"),
    origin: {
      url: "https://origin.example/mcp",
      credentials: [{ header: "host", secret: "SIGNING_KEYS" }],
      asertion: false,
    },
    policy: {
      tools: [{ name: "x", scope: "wrte", redact: { feilds: ["a"] } }],
      grants: [{ agents: ["nobody"], scope: "read", expires: "2027-02-30T00:00:00Z" }],
      limits: [{ per: "agent", calls: 0 }],
      rules: [{ name: "r", when: "true", then: "allow" }],
      approval: { signIn: { issuer: "http://x", clientId: "c" }, roles: [] },
    },
    observe: [{ until: "tomorrow" }, { until: "2027-01-01T00:00:00Z", gates: ["evidnce"] }],
    accessTokens: { issuers: [], scopes: [{ requir: ["x"] }] },
    version: -1,
  });
  const { code, err } = await check(...GATEWAY, wrong);
  expect(code).toBe(1);
  const paths = err
    .trimEnd()
    .split("\n")
    .map((line) => line.split(": ")[1]);
  expect([...new Set(paths)]).toEqual([
    "origin.credentials[0].header",
    "origin.credentials[0].secret",
    "origin.asertion",
    "policy.tools[0].scope",
    "policy.tools[0].redact.feilds",
    "policy.grants[0].expires",
    "policy.limits[0].per",
    "policy.limits[0].calls",
    "policy.rules[0].then",
    "policy.approval.signIn.issuer",
    "policy.approval.roles",
    "observe[0].until",
    "observe[1].gates[0]",
    "accessTokens.issuers",
    "accessTokens.scopes[0].requir",
    "accessTokens.scopes[0].require",
    "version",
  ]);
});

test("wrong use is told from faults", async () => {
  expect((await check()).code).toBe(2);
  expect((await check(...GATEWAY)).code).toBe(2);
  expect((await check("--nonsense")).code).toBe(2);
});

test("what is observed no longer is said, and is no fault", async () => {
  const observe = [{ until: "2026-01-01T00:00:00Z" }, { until: "2999-01-01T00:00:00Z" }];
  const { code, out } = await check(
    ...GATEWAY,
    await file("observed.json", { ...document("observed"), observe }),
  );
  expect(code).toBe(0);
  expect(out).toContain("observe[0] has ended, 2026-01-01T00:00:00.000Z: it changes nothing any more");
  expect(out).not.toContain("observe[1]");
});
