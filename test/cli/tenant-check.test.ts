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

test("wrong use is told from faults", async () => {
  expect((await check()).code).toBe(2);
  expect((await check(...GATEWAY)).code).toBe(2);
  expect((await check("--nonsense")).code).toBe(2);
});
