/**
 * Who hands a mandate on chooses its jti. With a courier's captured request, whose signature does not cover the mandate (profile
 * poc), it could put another mandate with that jti in the place of the courier's own.
 */

import { afterAll, beforeAll, expect, test } from "vitest";
import { delegateMandate, startRun } from "../../src/agent/index.ts";
import { type Scene, setScene } from "../socket/harness.ts";
import { told, toolCall, withHeader } from "../socket/messages.ts";

let scene: Scene;
beforeAll(async () => {
  scene = await setScene({ t: { act: { delegation: { maxDepth: 2 } } } });
});
afterAll(() => scene.close());

/** A mandate that the reader hands on to the courier. */
const handOn = async (jti: string): Promise<string> =>
  delegateMandate({
    parent: await scene.mandate("t", { maxDepth: 1 }),
    signer: scene.reader.signer,
    sub: "agent:courier",
    purpose: "x",
    actions: ["mcp.search"],
    jti,
  });

const reached = (): number => scene.origin("t").arrivals.length;

test("a mandate of a delegator's own cannot take the place of a courier's in a captured request", async () => {
  const run = await scene.run("t", { caller: scene.courier });
  const captured = await scene.sign("t", toolCall("write"), { caller: scene.courier, run });
  const before = reached();
  const bearer = `Bearer ${await handOn(run.mandate.jti)}`;
  const swapped = await scene.send(withHeader(captured, "authorization", bearer));
  expect(told(swapped)).toBe("403 signature.invalid");
  expect(await scene.logged(swapped)).toBe("signature.mandate_uncovered");
  expect(swapped.headers.has("countersign-ect")).toBe(false);
  expect(reached()).toBe(before);
  // Nothing was spent of what the courier's own request needs.
  expect(told(await scene.send(captured))).toBe("200");
  expect(reached()).toBe(before + 1);
});

test("a delegated mandate of a poc caller is taken where the signature covers it, and only there", async () => {
  for (const mandateHeader of ["authorization", "act-mandate"] as const) {
    const run = startRun(await handOn(crypto.randomUUID()));
    const wishes = { caller: scene.courier, run, mandateHeader };
    const open = await scene.send(await scene.sign("t", toolCall(), wishes));
    expect(await scene.logged(open)).toBe("signature.mandate_uncovered");
    const covered = await scene.sign("t", toolCall(), { ...wishes, cover: [mandateHeader] });
    expect(told(await scene.send(covered))).toBe("200");
  }
});
