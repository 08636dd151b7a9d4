/** The audit log of a tenant, exported as its auditor would, and what shows of an attack on D1. */

import { appendFile, mkdtemp, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { exportJWK } from "jose";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { generateSigner } from "../../src/agent/index.ts";
import type { Line } from "../../src/audit/export/format.ts";
import { type Means, meansOf } from "../../src/audit/export/means.ts";
import type { Report } from "../../src/audit/export/report.ts";
import { splitLines } from "../../src/audit/export/split-lines.ts";
import { verifyExport } from "../../src/audit/export/verify.ts";
import type { AuditRecord } from "../../src/audit/record.ts";
import { run as runExport } from "../../src/cli/audit-export.ts";
import { run as runVerify } from "../../src/cli/audit-verify.ts";
import { wellKnownUrl } from "../../src/endpoints/well-known.ts";
import { chained, each } from "../audit/export/log.ts";
import { capture } from "../cli/capture.ts";
import { type Scene, setScene } from "./harness.ts";
import { decisionOf, told, toolCall } from "./messages.ts";
import { answerJson } from "./origin.ts";
import type { Answer } from "./raw.ts";
import { AUDITOR, letAudit, visitWire } from "./visits.ts";

const ATTACKS = [
  "edited",
  "spoiled",
  "deleted",
  "cut",
  "dropped",
  "swapped",
  "forged",
  "beyond",
  "moved",
  "unsigned",
  "headless",
  "gap",
];

const TENANTS = ["acme", "resumed", "broken", "command", "silent", "busy", ...ATTACKS];

let scene: Scene;
let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "countersign-export-"));
  scene = await setScene(Object.fromEntries(TENANTS.map((id) => [id, {}])));
  for (const tenant of TENANTS) {
    await letAudit(scene, tenant);
    scene.origin(tenant).handler = answerJson;
  }
});
afterAll(async () => {
  await scene.close();
  await rm(directory, { recursive: true });
});

const call = async (tenant: string, tool = "search"): Promise<Answer> =>
  scene.send(await scene.sign(tenant, toolCall(tool)));

/** As the writer, who is not the caller whose records are looked at. */
const ask = async (tenant: string, query = "", grants = AUDITOR): Promise<Answer> =>
  scene.send(await visitWire(scene, tenant, `audit/export${query}`, { caller: scene.writer, grants }));

const published = async (tenant: string): Promise<{ keys: object; checkpoints: { jws: string }[] }> =>
  (await fetch(wellKnownUrl("published", scene.endpoint(tenant)))).json();

async function meansFor(
  tenant: string,
  receipts: readonly string[] = [],
  checkpoints: readonly string[] = [],
) {
  const means = await meansOf((await published(tenant)) as never, receipts, checkpoints);
  if (!means.ok) throw new Error(means.error);
  return means.value;
}

async function judge(text: string | Buffer, means: Means): Promise<Report | string> {
  const verified = await verifyExport(splitLines(each([Buffer.from(text)])), means);
  return verified.ok ? verified.value : verified.error.problem;
}

const linesOf = (text: string): Line[] =>
  text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));

const recordsOf = (text: string): AuditRecord[] =>
  linesOf(text).flatMap((line) => (line.kind === "record" ? [line.record] : []));

test("all that was decided is in it, with what became of it, and callers find their receipts", async () => {
  const answers = [
    await call("acme"),
    await call("acme", "sealed"),
    await call("acme", "unknown"),
    await call("acme"),
  ];
  const answer = await ask("acme");
  expect(answer.status).toBe(200);
  expect(answer.headers.get("content-type")).toBe("application/x-ndjson");
  const receipts = answers.map(({ headers }) => headers.get("countersign-receipt") ?? "");
  const { checkpoints } = await published("acme");
  // On a slow machine there is another one by now.
  const last = linesOf(answer.text)
    .filter(({ kind }) => kind === "checkpoint")
    .at(-1);
  const end = checkpoints.findIndex(({ jws }) => last?.kind === "checkpoint" && jws === last.jws);
  const held = checkpoints.slice(0, end + 1).map(({ jws }) => jws);
  const report = await judge(answer.text, await meansFor("acme", receipts, held));
  expect(report).toMatchObject({
    claims: { iss: scene.endpoint("acme"), tenant: "acme", from: null, to: null },
    findings: [],
  });
  const records = recordsOf(answer.text);
  for (const made of answers) {
    const of = records.filter(({ decision }) => decision === decisionOf(made));
    const outcomes = of[0]?.verdict === "admitted" ? ["decision", "outcome"] : ["decision"];
    expect(of.map(({ kind }) => kind)).toEqual(outcomes);
  }
  // The request for the export is in it, too: it was written down before it was answered.
  expect(records.map(({ decision }) => decision)).toContain(decisionOf(answer));
  // Another tenant of this deployment has the same keys.
  expect(await judge(answer.text, await meansFor("resumed"))).toContain("the keys are those of");

  // An older export is not the log as it is now.
  await call("acme");
  const later = await ask("acme");
  const newest = (await published("acme")).checkpoints.map(({ jws }) => jws);
  expect(await judge(later.text, await meansFor("acme", [], newest))).toMatchObject({ findings: [] });
  expect(await judge(answer.text, await meansFor("acme", [], newest))).toContain("which somebody holds");
});

test("a tenant that nobody has called yet has the request for the export alone", async () => {
  const { text } = await ask("silent");
  expect(await judge(text, await meansFor("silent"))).toMatchObject({
    counts: { chains: 1, records: 1, decisions: 1 },
    findings: [],
  });
});

test("while calls and exports go on, each export is whole", async () => {
  const receipts: string[] = [];
  const calls = Array.from({ length: 24 }, async () => {
    const { headers } = await call("busy");
    receipts.push(headers.get("countersign-receipt") ?? "");
  });
  const exports = await Promise.all([ask("busy"), ask("busy"), ask("busy"), ...calls]);
  const last = await ask("busy");
  const texts = [...exports.slice(0, 3), last].map((answer) => (answer as Answer).text);
  for (const text of texts) expect(await judge(text, await meansFor("busy"))).toMatchObject({ findings: [] });
  const { checkpoints } = await published("busy");
  const means = await meansFor(
    "busy",
    receipts,
    checkpoints.map(({ jws }) => jws),
  );
  expect(await judge(last.text, means)).toMatchObject({ findings: [] });
  expect(receipts).toHaveLength(24);
});

describe("who may ask, and for what", () => {
  test("only an auditor", async () => {
    expect(told(await ask("acme", "", ["mcp.search"]))).toMatch(/^403 capability\.|^403 act\./);
    const bare = await scene.send({
      method: "GET",
      target: "/acme/audit/export",
      headers: [["Host", new URL(scene.url).host]],
      body: Buffer.alloc(0),
    });
    expect(told(bare)).toBe("401 bearer.missing");
  });

  test.each([
    "?after=0&checkpoint=1",
    "?after=AAAAAAAAAAAAAAAAAAAAAA.1&checkpoint=1",
    "?from=%31",
    "?from=\u0661",
    "?from=8640000000000001",
    "?from=yesterday",
    "?from=2&to=1",
    "?form=1",
    "?from=1&from=1",
    "?after=3",
    "?after=1&checkpoint=99",
  ])("%s is refused", async (query) => expect(told(await ask("acme", query))).toBe("400 endpoint.query"));

  test("a time range", async () => {
    const past = await ask("acme", "?from=0&to=1000");
    expect(await judge(past.text, await meansFor("acme"))).toMatchObject({ claims: { from: 0, to: 1000 } });
    const future = await ask("acme", `?from=${Date.now() + 3_600_000}`);
    expect(await judge(future.text, await meansFor("acme"))).toMatchObject({ findings: [] });
  });
});

test("an export goes on behind any line, with the same lines, whatever has happened since", async () => {
  for (let i = 0; i < 4; i++) await call("resumed");
  const { text } = await ask("resumed");
  const lines = text.trim().split("\n");
  const [first] = linesOf(text);
  const { latest } = JSON.parse(atob((first?.kind === "export" ? first.jws : "").split(".")[1] ?? ""));
  await call("resumed");
  for (const [i, line] of linesOf(text).entries()) {
    if (line.kind !== "checkpoint" && line.kind !== "record") continue;
    const after = line.kind === "checkpoint" ? i : `${line.record.chain}.${line.record.seq}`;
    const rest = await ask("resumed", `?after=${after}&checkpoint=${latest.number}`);
    expect(rest.text.trim().split("\n")).toEqual(lines.slice(i + 1));
  }
});

test("where D1 fails midway the answer breaks off; where it fails before, there is none", async () => {
  await call("broken");
  const { text } = await ask("broken");
  const db = await scene.runtime.d1();
  const checkpoints = linesOf(text).filter(({ kind }) => kind === "checkpoint").length;
  await db.prepare("ALTER TABLE audit_records RENAME TO away").run();
  try {
    expect(told(await ask("broken"))).toBe("503 endpoint.log_unavailable");
    await expect(ask("broken", `?after=${checkpoints}&checkpoint=${checkpoints}`)).rejects.toThrow();
  } finally {
    await db.prepare("ALTER TABLE away RENAME TO audit_records").run();
  }
  expect(await judge((await ask("broken")).text, await meansFor("broken"))).toMatchObject({ findings: [] });
});

describe("who has changed D1 is found out:", () => {
  /** By attack: what was done, and what shows. */
  const attacks: Readonly<Record<string, readonly [statements: readonly string[], shown: string]>> = {
    edited: [
      ["UPDATE audit_records SET tool = 'harmless' WHERE OF_READER AND seq = 2"],
      "its digest is not that",
    ],
    spoiled: [
      ["UPDATE audit_records SET checks = '{' WHERE OF_READER AND seq = 1"],
      "member record is missing, malformed",
    ],
    deleted: [["DELETE FROM audit_records WHERE OF_READER AND seq = 2"], "it is missing here"],
    cut: [["DELETE FROM audit_records WHERE OF_READER AND seq > 2"], "it is missing here"],
    dropped: [["DELETE FROM audit_records WHERE OF_READER"], "it is missing here"],
    swapped: [
      [
        "UPDATE audit_records SET seq = 999 WHERE OF_READER AND seq = 2",
        "UPDATE audit_records SET seq = 2 WHERE OF_READER AND seq = 3",
        "UPDATE audit_records SET seq = 3 WHERE OF_READER AND seq = 999",
      ],
      "its digest is not that",
    ],
    moved: [
      ["UPDATE audit_records SET tenant = 'acme' WHERE OF_READER AND seq = 2"],
      "its digest is not that",
    ],
    unsigned: [
      [
        "UPDATE checkpoints SET jws = substr(jws, 1, length(jws) - 4) || 'AAAA' WHERE OF_TENANT AND number = 1",
      ],
      "is not one that these keys have signed",
    ],
    headless: [
      [
        "UPDATE checkpoints SET heads = json_set(heads, '$[0].seq', 1, '$[0].hash', json_extract(heads, '$[0].start_prev')) WHERE OF_TENANT AND number = 2",
      ],
      "its root is not that of these heads",
    ],
    gap: [["DELETE FROM checkpoints WHERE OF_TENANT AND number = 1"], "checkpoint 1 is missing here"],
  };

  test.each(Object.entries(attacks))("%s", async (tenant, [statements, shown]) => {
    await prepared(tenant);
    const db = await scene.runtime.d1();
    for (const statement of statements) {
      const sql = statement
        .replace("OF_READER", `tenant IN ('${tenant}', 'acme') AND chain = '${await chainOf(tenant)}'`)
        .replace("OF_TENANT", `tenant = '${tenant}'`);
      expect((await db.prepare(sql).run()).meta.changes).toBeGreaterThan(0);
    }
    expect(await judge((await ask(tenant)).text, await meansFor(tenant))).toContain(shown);
  });

  test("forged: a chain that no ledger has written, and beyond: a record behind the last one", async () => {
    for (const tenant of ["forged", "beyond"]) {
      const before = recordsOf(await prepared(tenant));
      const chain = await chainOf(tenant);
      const last = before.findLast((record) => record.chain === chain) as AuditRecord;
      const place = tenant === "forged" ? { chain: "F".repeat(22), seq: 1 } : { chain, seq: last.seq + 1 };
      const { digest: _d, prev_hash: _p, hash: _h, ...content } = last;
      const forged = await chained(
        { ...content, ...place, id: `${tenant}-1`, decision: `${tenant}-1`, kind: "decision" },
        last.hash,
      );
      await insert(forged);
      expect(await judge((await ask(tenant)).text, await meansFor(tenant))).toMatchObject({
        findings: [{ kind: "unknown", ...place }],
      });
    }
  });

  /** With two checkpoints; the last export of it. */
  async function prepared(tenant: string): Promise<string> {
    await call(tenant);
    await call(tenant);
    await ask(tenant);
    await call(tenant);
    const { text } = await ask(tenant);
    expect(await judge(text, await meansFor(tenant))).toMatchObject({ findings: [] });
    return text;
  }

  async function chainOf(tenant: string): Promise<string> {
    const db = await scene.runtime.d1();
    const query =
      "SELECT chain FROM audit_records WHERE id IN (SELECT id FROM audit_records WHERE tenant = ? AND principal = 'agent:reader') LIMIT 1";
    return (await db.prepare(query).bind(tenant).first<string>("chain")) ?? chains.get(tenant) ?? "";
  }
  const chains = new Map<string, string>();

  async function insert(record: AuditRecord): Promise<void> {
    const row = Object.entries(record).map(
      ([name, value]) =>
        [name, typeof value === "object" && value !== null ? JSON.stringify(value) : value] as const,
    );
    const db = await scene.runtime.d1();
    const names = row.map(([name]) => name).join(", ");
    await db
      .prepare(`INSERT INTO audit_records (${names}) VALUES (${row.map(() => "?").join(", ")})`)
      .bind(...row.map(([, value]) => value))
      .run();
  }
});

describe("countersign audit export", () => {
  const run = async (command: typeof runExport, ...args: string[]) => {
    const { code, out, err } = await capture(command, args);
    return { code, out: out + err };
  };

  test("fetches, goes on where it broke off, and what it wrote is verified", async () => {
    const { signer, publicJwk } = await generateSigner({ alg: "ES256", kid: "auditor-1", extractable: true });
    const kv = await scene.runtime.kv();
    const document = JSON.parse((await kv.get("tenant:command")) ?? "");
    document.agents[1].keys.push({ jwk: publicJwk, profile: "agent" });
    await kv.put("tenant:command", JSON.stringify(document));
    await call("command");
    const file = (name: string) => join(directory, name);
    await writeFile(
      file("mandate"),
      `${await scene.mandate("command", { caller: scene.writer, actions: AUDITOR })}\n`,
    );
    await writeFile(
      file("key"),
      JSON.stringify({ ...(await exportJWK(signer.privateKey)), kid: "auditor-1" }),
    );
    const out = file("log.jsonl");
    const args = [
      "--endpoint",
      scene.endpoint("command"),
      "--mandate",
      file("mandate"),
      "--key",
      file("key"),
      "--out",
      out,
    ];
    expect(await run(runExport, ...args)).toMatchObject({
      code: 0,
      out: expect.stringContaining("is whole"),
    });
    await writeFile(file("keys"), JSON.stringify(await published("command")));
    const verified = await run(runVerify, out, "--keys", file("keys"), "--checkpoint", file("keys"));
    expect(verified).toMatchObject({
      code: 0,
      out: expect.stringMatching(/proven: .* 2 chains[\s\S]*\nok\n$/),
    });

    const whole = await readFile(out);
    for (const cut of [0, 10, whole.length - 3000]) {
      await truncate(out, cut);
      const again = await run(runExport, ...args);
      if (cut === 10) {
        // Too little to tell that it is ours: it is left alone.
        expect(again).toMatchObject({ code: 2, out: expect.stringContaining("is no export") });
        await writeFile(out, whole);
        continue;
      }
      expect(again).toMatchObject({ code: 0 });
      if (cut > 0) expect((await readFile(out)).equals(whole)).toBe(true);
      else await writeFile(out, whole);
    }
    await appendFile(out, "{}\n");
    expect(await run(runVerify, out, "--keys", file("keys"))).toMatchObject({
      code: 1,
      out: expect.stringContaining("fault: line"),
    });
    await writeFile(out, whole);
    expect(await run(runExport, ...args, "--from", "2026-01-01")).toMatchObject({
      code: 2,
      out: expect.stringContaining("another time range"),
    });
    expect(
      await run(runExport, "--endpoint", scene.endpoint("acme"), ...args.slice(2, -1), file("other")),
    ).toMatchObject({
      code: 1,
      out: expect.stringContaining("refused with 401"),
    });
  });
});
