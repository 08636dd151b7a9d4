import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { FAULTS } from "../../src/audit/receipts/faults.ts";
import { run } from "../../src/cli/verify-receipt.ts";
import { toBase64url, utf8 } from "../../src/encoding.ts";
import {
  ATTESTATION,
  checkpointOf,
  ISSUER,
  makeKeys,
  ours,
  PUBLISHED,
  scene,
} from "../audit/receipts/helpers.ts";
import { captured } from "../support/captured.ts";

const { document, receipt, checkpoint, heads, decision } = await scene();
const directory = await mkdtemp(join(tmpdir(), "countersign-receipt-"));
afterAll(() => rm(directory, { recursive: true }));

const NO_PROOF = { decision: null, outcome: null };

let files = 0;
async function file(content: string | object): Promise<string> {
  files += 1;
  const path = join(directory, `${files}`);
  await writeFile(path, typeof content === "string" ? content : JSON.stringify(content));
  return path;
}

const keys = ["--keys", await file(PUBLISHED)];
const verify = (...argv: readonly string[]) => captured(() => run(argv));

test("all of it: each check in words, then ok", async () => {
  const { code, out, err } = await verify(
    await file(document),
    ...keys,
    "--checkpoint",
    await file(`${checkpoint}\n`),
    "--attestation",
    await file(ATTESTATION),
  );
  expect(err).toBe("");
  const lines = out.trimEnd().split("\n");
  expect(lines[0]).toBe(
    `decision decision-a: agent:reader, mcp.search, admitted at 2033-05-18T03:33:20.000Z by ${ISSUER}`,
  );
  expect(lines.slice(1, -2).every((line) => line.startsWith("checked: "))).toBe(true);
  expect(lines.at(-2)).toMatch(/^NOT checked: The result /);
  expect(lines.at(-1)).toBe("ok");
  expect(code).toBe(0);
});

test("the value of the header alone: says what was not checked", async () => {
  const { code, out } = await verify(await file(receipt), ...keys);
  expect(out).toMatch(/^NOT checked: The record behind its hash/m);
  expect(out.trimEnd().split("\n").at(-1)).toBe("ok");
  expect(code).toBe(0);
});

describe("a fault", () => {
  test.each<[string, string, () => Promise<string[]>]>([
    ["receipt.malformed", "nothing", async () => [await file(""), ...keys]],
    ["document.malformed", "other JSON", async () => [await file({}), ...keys]],
    ["receipt.type", "a checkpoint", async () => [await file(checkpoint), ...keys]],
    [
      "outcome.altered",
      "a changed outcome",
      async () => [await file({ ...document, outcome: { ...document.outcome, status: 500 } }), ...keys],
    ],
    ["keys.malformed", "keys that are none", async () => [await file(document), "--keys", await file("{")]],
    [
      "receipt.signature",
      "other keys",
      async () => [await file(document), "--keys", await file((await makeKeys("gateway-1")).published)],
    ],
    [
      "checkpoint.differs",
      "another checkpoint",
      async () => [
        await file(document),
        ...keys,
        "--checkpoint",
        await file(await checkpointOf(heads, { time: 1 })),
      ],
    ],
    [
      "checkpoint.unsigned",
      "a file without checkpoints",
      async () => [await file(document), ...keys, "--checkpoint", await file("{}")],
    ],
    [
      "checkpoint.unsigned",
      "what was published before there was one",
      async () => [await file(document), ...keys, "--checkpoint", await file(PUBLISHED)],
    ],
    [
      "attestation.differs",
      "another attestation",
      async () => [await file(document), ...keys, "--attestation", await file({ ...ATTESTATION, more: 1 })],
    ],
    [
      "document.needed",
      "a checkpoint for a receipt alone",
      async () => [await file(receipt), ...keys, "--checkpoint", await file(checkpoint)],
    ],
    [
      "decision.unsigned",
      "nobody vouches for it",
      async () => [await file({ ...document, receipt: null, proof: NO_PROOF }), ...keys],
    ],
    [
      "held.malformed",
      "something else for the receipt that is held",
      async () => [await file(document), ...keys, "--receipt", await file(document)],
    ],
  ])("%s: %s", async (fault, _, make) => {
    const { code, out } = await verify(...(await make()));
    expect(out.trimEnd().split("\n").at(-1)).toBe(`fault: ${fault}: ${FAULTS[fault as keyof typeof FAULTS]}`);
    expect(out).not.toMatch(/^ok$/m);
    expect(code).toBe(1);
  });
});

test("with the receipt that the caller kept, beside an answer that has none yet", async () => {
  const early = { ...document, receipt: null, proof: NO_PROOF, retry_after: 300 };
  const { code, out } = await verify(await file(early), ...keys, "--receipt", await file(`${receipt}\n`));
  expect(out).toContain(`decision ${decision.id}: agent:reader, `);
  expect(out).toContain(
    "checked: The receipt that you hold names the record of the decision, and says the same.",
  );
  expect(out).toContain("NOT checked: Whether a checkpoint covers the decision: no proof is shown. Ask");
  expect(code).toBe(0);
});

test("takes what was published for checkpoints, and the header's value for an attestation", async () => {
  const held = { ...PUBLISHED, checkpoints: [{ number: 1, jws: checkpoint }] };
  const header = toBase64url(utf8(JSON.stringify(ATTESTATION)));
  const { code, out } = await verify(
    await file(document),
    "--keys",
    await file({ keys: ours.published.keys }),
    "--checkpoint",
    await file(held),
    "--attestation",
    await file(header),
  );
  expect(out).toContain("checked: Checkpoint 1 is the one that you hold.");
  expect(out).toContain("checked: The call had the attestation that you hold.");
  expect(out).toContain(`NOT checked: That these are the keys of ${ISSUER}.`);
  expect(code).toBe(0);
});

describe("wrong use is told from faults", () => {
  test.each<[string, () => Promise<string[]>]>([
    ["nothing", async () => []],
    ["no keys", async () => [await file(document)]],
    ["two receipts", async () => [await file(document), await file(document), ...keys]],
    ["an unknown option", async () => [await file(document), ...keys, "--nonsense"]],
    ["a file that is not there", async () => [join(directory, "absent"), ...keys]],
    ["keys that are not there", async () => [await file(document), "--keys", join(directory, "absent")]],
    [
      "an attestation that is none",
      async () => [await file(document), ...keys, "--attestation", await file("?")],
    ],
  ])("%s", async (_, make) => {
    const { code, out, err } = await verify(...(await make()));
    expect(code).toBe(2);
    expect(out).toBe("");
    expect(err).not.toBe("");
  });

  test("--help is none", async () => {
    const { code, out } = await verify("--help");
    expect(code).toBe(0);
    expect(out).toContain("countersign verify receipt FILE --keys FILE");
  });
});

test("as a command", async () => {
  const args = ["src/cli/main.ts", "verify", "receipt", await file(document), ...keys];
  const out = await new Promise<string>((resolve, reject) => {
    execFile(process.execPath, args, (error, stdout) => (error ? reject(error) : resolve(stdout)));
  });
  expect(out).toContain(`decision ${decision.id}`);
  expect(out).toMatch(/^ok$/m);
});
