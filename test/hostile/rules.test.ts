/**
 * An attacker with two captured requests, two mandates, a second registered agent and any clock, against the rules of who
 * is who and what is used once. `docs/testing.md` says which test shows which rule.
 */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { generateSigner } from "../../src/agent/index.ts";
import { utf8 } from "../../src/encoding.ts";
import { contentDigest } from "../../src/evidence/http-signature/content-digest.ts";
import type { TenantDocument } from "../../src/tenant/schema/document.ts";
import { type Caller, type Scene, setScene, type Wishes } from "../socket/harness.ts";
import { headerOf, resign, rpc, told, toolCall, withHeader } from "../socket/messages.ts";
import type { Wire } from "../socket/raw.ts";

let scene: Scene;
/** The reader at the tenant with lanes, with a key in each. */
let lanes: readonly [Caller, Caller];
beforeAll(async () => {
  const made = await Promise.all([0, 1, 2, 3].map(() => generateSigner({ alg: "ES256" })));
  const keyOf = (n: number, lane = 0) => ({ jwk: { ...made[n]?.publicJwk }, lane });
  const agents: TenantDocument["agents"] = [
    { name: "reader", subjects: ["agent:reader"], keys: [keyOf(0), keyOf(1, 1)] },
    { name: "writer", subjects: ["agent:writer"], keys: [keyOf(2)] },
    { name: "courier", subjects: ["agent:courier"], keys: [keyOf(3)] },
  ];
  scene = await setScene({ acme: {}, lanes: { agents } });
  const laneOf = (n: number): Caller => ({ ...scene.reader, signer: made[n]?.signer ?? scene.reader.signer });
  lanes = [laneOf(0), laneOf(1)];
});
afterAll(() => scene.close());

/** Sends in order. Returns what was told, and how many requests reached the origin. */
async function sent(...wires: readonly Wire[]): Promise<{ told: string[]; arrived: number }> {
  const { arrivals } = scene.origin("acme");
  const before = arrivals.length;
  const answers: string[] = [];
  for (const wire of wires) answers.push(told(await scene.send(wire)));
  return { told: answers, arrived: arrivals.length - before };
}

const without = (wire: Wire, ...names: string[]): Wire =>
  names.reduce((rest, name) => withHeader(rest, name, null), wire);

const from = (wire: Wire, other: Wire, ...names: string[]): Wire =>
  names.reduce((rest, name) => withHeader(rest, name, headerOf(other, name)), wire);

const withBody = async (wire: Wire, text: string): Promise<Wire> => {
  const body = utf8(text);
  return withHeader({ ...wire, body }, "content-digest", await contentDigest(body));
};

describe("nobody else uses up what a caller has", () => {
  test("two agents with the same names for everything do not meet", async () => {
    const id = crypto.randomUUID();
    const wishes = { newId: () => id };
    const call = (caller: Caller) => scene.sign("acme", toolCall("sealed"), { ...wishes, caller });
    const get = (caller: Caller) => scene.sign("acme", null, { ...wishes, caller, method: "GET" });
    const { reader, writer, courier } = scene;
    const wires = await Promise.all([call(writer), call(courier), get(writer), call(reader), get(reader)]);
    expect(await sent(...wires)).toEqual({ told: ["200", "200", "200", "200", "200"], arrived: 5 });
  });

  /** What an eavesdropper can make of a captured call, and a second agent with a key of its own. */
  const COPIES: Readonly<Record<string, (wire: Wire, captured: Wire) => Promise<Wire> | Wire>> = {
    "another body": (wire) => ({ ...wire, body: utf8(toolCall("write")) }),
    "another body with its digest": (wire) => withBody(wire, toolCall("write")),
    "no signature": (wire) => without(wire, "signature", "signature-input"),
    "no mandate": (wire) => without(wire, "authorization"),
    "no digest": (wire) => without(wire, "content-digest"),
    "no attestation": (wire) => without(wire, "x-mcp-attestation"),
    "another attestation": (wire, captured) => from(wire, captured, "x-mcp-attestation"),
    "another mandate": (wire, captured) => from(wire, captured, "authorization"),
    "another ECT": (wire, captured) => from(wire, captured, "wimse-ect"),
    "another signature": (wire, captured) => from(wire, captured, "signature", "signature-input"),
    "a session": (wire) => withHeader(wire, "mcp-session-id", "AAAA"),
    "an act record": (wire) => withHeader(wire, "act-record", "a.b.c"),
    "signed by another agent": (wire) => resign(scene, "acme", wire, { caller: scene.writer }),
    "under another agent's mandate": async (wire) =>
      withHeader(wire, "authorization", `Bearer ${await scene.mandate("acme", { caller: scene.writer })}`),
    "under another agent's mandate, and signed by it": async (wire) =>
      resign(
        scene,
        "acme",
        withHeader(wire, "authorization", `Bearer ${await scene.mandate("acme", { caller: scene.writer })}`),
        { caller: scene.writer },
      ),
  };

  test.each(["reader", "courier"] as const)("copies of a call of the %s, before the call", async (name) => {
    const caller = scene[name];
    const [wire, captured] = await Promise.all([
      scene.sign("acme", toolCall("sealed"), { caller }),
      scene.sign("acme", toolCall("sealed", { query: "other" }), { caller }),
    ]);
    const copies = await Promise.all(Object.values(COPIES).map((copy) => copy(wire, captured)));
    const { told: answers, arrived } = await sent(...copies, wire, captured);
    expect(answers.slice(-2), answers.join()).toEqual(["200", "200"]);
    expect(arrived).toBe(2);
  });

  test("an attestation that another agent presents is still good for its own", async () => {
    const wire = await scene.sign("acme", toolCall("sealed"));
    const stolen: Wishes = {
      caller: scene.writer,
      headers: { "x-mcp-attestation": headerOf(wire, "x-mcp-attestation") },
      attestation: { signer: scene.writer.attestor, intent: "none", when: () => false },
    };
    const theft = await scene.sign("acme", toolCall("sealed"), stolen);
    expect(await sent(theft)).toEqual({ told: ["200 signature_invalid"], arrived: 0 });
    expect(await sent(wire)).toEqual({ told: ["200"], arrived: 1 });
  });
});

describe("the laxer of two profiles is not to be had", () => {
  test("by a key of the profile agent", async () => {
    const wire = await scene.sign("acme", toolCall());
    const lax = await resign(scene, "acme", wire, { caller: { ...scene.reader, profile: "poc" } });
    expect(await sent(lax, wire)).toEqual({ told: ["403 signature.invalid", "200"], arrived: 1 });
  });
  test("by the name of the other key", async () => {
    const wire = await scene.sign("acme", toolCall());
    const input = headerOf(wire, "signature-input");
    const renamed = withHeader(wire, "signature-input", input.replace("reader-1", "reader-2"));
    expect(renamed).not.toEqual(wire);
    expect(await sent(renamed, wire)).toEqual({ told: ["403 signature.invalid", "200"], arrived: 1 });
  });
  test("by two signatures, in either order", async () => {
    const wire = await scene.sign("acme", toolCall());
    const lax = await resign(scene, "acme", wire, { caller: scene.readerPoc });
    const both = (one: Wire, other: Wire): Wire =>
      ["signature", "signature-input"].reduce(
        (rest, name) =>
          withHeader(rest, name, `${headerOf(one, name)}, ${headerOf(other, name).replace("sig=", "two=")}`),
        wire,
      );
    expect(await sent(both(wire, lax), both(lax, wire), wire)).toEqual({
      told: ["403 signature.invalid", "403 signature.invalid", "200"],
      arrived: 1,
    });
  });
  test("by an ECT of one key and a signature of the other", async () => {
    const [strict, lax] = await Promise.all([
      scene.sign("acme", toolCall()),
      scene.sign("acme", toolCall(), { caller: scene.readerPoc }),
    ]);
    const mixed = await Promise.all([
      resign(scene, "acme", strict, { caller: scene.readerPoc }),
      resign(scene, "acme", lax, { caller: scene.reader }),
    ]);
    expect(await sent(...mixed, strict, lax)).toEqual({
      told: ["403 principal.invalid", "403 principal.invalid", "200", "200"],
      arrived: 2,
    });
  });
  test("by leaving the signature out where a bearer alone is never enough", async () => {
    const wire = await scene.sign("acme", rpc("notifications/initialized", {}, null), {
      caller: scene.courier,
    });
    expect((await sent(without(wire, "signature", "signature-input"))).arrived).toBe(0);
  });
});

describe("two mandates of one agent", () => {
  test.each(["reader", "courier"] as const)(
    "a call of the %s does not get what the other allows",
    async (name) => {
      const caller = scene[name];
      const [little, much] = await Promise.all([
        scene.run("acme", { caller, actions: ["mcp.search"] }),
        scene.run("acme", { caller, actions: ["mcp.search", "mcp.write"] }),
      ]);
      const [allowed, asked] = await Promise.all([
        scene.sign("acme", toolCall("search"), { caller, run: much }),
        scene.sign("acme", toolCall("write"), { caller, run: little }),
      ]);
      const answers = await sent(
        // Refused under its own mandate; and under the one that would allow it, which its ECT does not name.
        from(asked, allowed, "authorization"),
        from(asked, allowed, "wimse-ect"),
        from(asked, allowed, "authorization", "wimse-ect"),
        from(allowed, asked, "wimse-ect"),
        from(allowed, asked, "authorization"),
        asked,
        allowed,
      );
      expect(answers.arrived, answers.told.join()).toBe(1);
      expect(answers.told.slice(-2)).toEqual(["200 capability.missing", "200"]);
    },
  );
});

describe("another issue time is no new life", () => {
  const seconds = () => Math.floor(Date.now() / 1000);
  /** The same names, issued so much earlier, and living as long as they may. */
  const at = (id: string, age: number, more: Wishes = {}): Wishes => ({
    newId: () => id,
    now: () => seconds() - age,
    lifetimeSeconds: 300,
    ...more,
  });

  test.each([1, 200, 299, -29])("a nonce issued %i s earlier", async (age) => {
    const id = crypto.randomUUID();
    const get = (wishes: Wishes) => scene.sign("acme", null, { ...wishes, method: "GET" });
    const wires = [await get(at(id, 0)), await get(at(id, age))];
    expect(await sent(...wires)).toEqual({ told: ["200", "403 replay.nonce"], arrived: 1 });
    expect((await sent(...wires)).arrived).toBe(0);
  });

  test.each([1, 200, 299, -29])("an ECT and an attestation issued %i s earlier", async (age) => {
    const id = crypto.randomUUID();
    const run = await scene.run("acme", { now: seconds() - 600 });
    const call = (wishes: Wishes) => scene.sign("acme", toolCall("sealed"), { ...wishes, run });
    expect(await sent(await call(at(id, 0)), await call(at(id, age)))).toEqual({
      told: ["200", "403 replay.ect"],
      arrived: 1,
    });
    const attestation = headerOf(await call(at(id, age)), "x-mcp-attestation");
    const again = await call({
      headers: { "x-mcp-attestation": attestation },
      attestation: { signer: scene.reader.attestor, intent: "none", when: () => false },
    });
    expect(await sent(again)).toEqual({ told: ["200 nonce_replay"], arrived: 0 });
  });
});

describe("lanes", () => {
  test("what a key of one lane has signed does not come to the other", async () => {
    const [first, second] = lanes;
    const run = await scene.run("lanes", { caller: first });
    const id = crypto.randomUUID();
    const call = (caller: Caller) => scene.sign("lanes", toolCall(), { caller, run, newId: () => id });
    const [one, other] = await Promise.all([call(first), call(second)]);
    expect(told(await scene.send(from(other, one, "wimse-ect")))).toBe("403 signature.invalid");
    const moved = await resign(scene, "lanes", from(other, one, "wimse-ect"), { caller: second });
    expect(told(await scene.send(moved))).toBe("403 principal.invalid");
    // Each key's own statement is its own, and each is good once.
    expect(told(await scene.send(one))).toBe("200");
    expect(told(await scene.send(other))).toBe("200");
    for (const wire of [one, other]) expect(told(await scene.send(wire))).toBe("403 replay.ect");
  });
});
