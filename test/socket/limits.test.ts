/** The budgets of a tenant, under many calls at a time, as clients and origin see them. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { MAX_LIMIT_WINDOW } from "../../src/limits.ts";
import type { TenantDocument } from "../../src/tenant/schema/document.ts";
import { type Caller, type Difference, type Scene, setScene } from "./harness.ts";
import { decisionOf, told, toolCall } from "./messages.ts";
import { type Answer, toBytes, volley } from "./raw.ts";

// A window that hardly ends while the tests run.
const month = { windowSeconds: MAX_LIMIT_WINDOW };

const policy = (limits: NonNullable<TenantDocument["policy"]>["limits"]): Difference => ({
  policy: {
    unsafeUnlistedTools: "read",
    grants: [{ agents: ["reader", "writer"], scope: "read" }],
    limits,
  },
});

const stateDir = mkdtempSync(join(tmpdir(), "countersign-limits-"));
let scene: Scene;
beforeAll(async () => {
  scene = await setScene(
    {
      each: policy([{ per: "principal", calls: 10, ...month }]),
      all: policy([{ per: "tenant", calls: 15, ...month }]),
      once: policy([{ per: "mandate", calls: 1 }]),
    },
    { stateDir },
  );
});
afterAll(async () => {
  await scene.close();
  rmSync(stateDir, { recursive: true, force: true });
});

/** So many calls of each caller, all at once. */
async function storm(tenant: string, callers: readonly Caller[], each: number): Promise<Answer[]> {
  const wishes = callers.flatMap((caller) => Array.from({ length: each }, () => ({ caller })));
  const wires = await Promise.all(wishes.map((one) => scene.sign(tenant, toolCall(), one)));
  return volley(scene.url, wires.map(toBytes));
}

const isAdmitted = ({ text }: Answer): boolean => !text.includes('"error"');

test("each agent has as many calls as it may have, also after a restart", async () => {
  const answers = await storm("each", [scene.reader, scene.writer], 30);
  expect(answers.filter(isAdmitted)).toHaveLength(20);
  expect(scene.origin("each").arrivals).toHaveLength(20);
  await scene.restart();
  const [late] = await storm("each", [scene.reader], 1);
  expect(JSON.parse(late?.text ?? "").error).toMatchObject({ data: { reason: "limit.principal_exhausted" } });
  expect(scene.origin("each").arrivals).toHaveLength(20);
});

test("all agents together have as many as there are, and are told when there will be more", async () => {
  const answers = await storm("all", [scene.reader, scene.writer], 20);
  expect(answers.filter(isAdmitted)).toHaveLength(15);
  expect(scene.origin("all").arrivals).toHaveLength(15);

  const refused = answers.find((answer) => !isAdmitted(answer)) as Answer;
  const retryAfter = Number(refused.headers.get("retry-after"));
  const end = Math.floor(Date.now() / 1000) + retryAfter;
  expect(Math.min(end % MAX_LIMIT_WINDOW, MAX_LIMIT_WINDOW - (end % MAX_LIMIT_WINDOW))).toBeLessThan(60);
  expect(refused.status).toBe(200);
  expect(JSON.parse(refused.text)).toEqual({
    jsonrpc: "2.0",
    id: 1,
    error: {
      code: 429,
      message: expect.stringContaining("Retry-After"),
      data: {
        reason: "limit.tenant_exhausted",
        decision: decisionOf(refused),
        docs: "docs/reasons.md#limit.tenant_exhausted",
        retryAfter,
      },
    },
  });
  expect(await scene.logged(refused)).toBe("limit.tenant_exhausted");
});

test("a mandate that is used up stays so: nobody is told to wait", async () => {
  const run = await scene.run("once");
  const call = async () => scene.send(await scene.sign("once", toolCall(), { run }));
  expect(told(await call())).toBe("200");
  const refused = await call();
  expect(refused.headers.has("retry-after")).toBe(false);
  expect(JSON.parse(refused.text).error.data).toMatchObject({
    reason: "limit.mandate_exhausted",
    retryAfter: null,
  });
  expect(told(await scene.send(await scene.sign("once", toolCall())))).toBe("200");
});
