/**
 * A thousand requests, each an honest one with one thing changed. Whatever the change: no 5xx, and the origin gets
 * nothing but the honest call, once. The same seed gives the same changes; keys and times are new in each run.
 */

import { afterAll, beforeAll, expect, test } from "vitest";
import { type Caller, type Scene, setScene } from "./harness.ts";
import { told, toolCall, withHeader } from "./messages.ts";
import { beyondFraming } from "./origin.ts";
import { exchange, toBytes, type Wire } from "./raw.ts";

const SEED = 0x2787_9421;
const GROUPS = 50;
const MUTANTS = 20;

let scene: Scene;
beforeAll(async () => {
  scene = await setScene({ acme: {} });
});
afterAll(() => scene.close());

/** Mulberry32: numbers from 0 to 1, the same for the same seed. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const next = random(SEED);
const below = (limit: number): number => Math.floor(next() * limit);
const pick = <T>(items: readonly T[]): T => items[below(items.length)] as T;

/** Bytes that a header value can have; CR, LF and NUL make no value of it. */
const valueByte = (): string => String.fromCharCode(pick([9, 32 + below(95), 128 + below(128)]));

const splice = (text: string, at: number, gone: number, put: string): string =>
  text.slice(0, at) + put + text.slice(at + gone);

const flipped = (text: string, at: number): string => {
  const byte = text.charCodeAt(at) ^ (1 << below(8));
  return splice(text, at, 1, [0, 10, 13].includes(byte) ? "~" : String.fromCharCode(byte));
};

const VALUE_CHANGES: Readonly<Record<string, (value: string, other: string) => string>> = {
  "bit flipped": (value) => flipped(value, below(value.length)),
  "byte replaced": (value) => splice(value, below(value.length), 1, valueByte()),
  "byte inserted": (value) => splice(value, below(value.length + 1), 0, valueByte()),
  "byte removed": (value) => splice(value, below(value.length), 1, ""),
  "cut short": (value) => value.slice(0, below(value.length)),
  "begun late": (value) => value.slice(below(value.length)),
  "written twice": (value) => value + pick(["", ",", ", ", ";", " "]) + value,
  "white space around": (value) => ` \t${value}  `,
  "in capitals": (value) => value.toUpperCase(),
  "another call's": (_value, other) => other,
  "another call's behind it": (value, other) => `${value}, ${other}`,
  "a part turned round": (value) => {
    const at = below(value.length);
    return splice(value, at, 4, [...value.slice(at, at + 4)].reverse().join(""));
  },
};

const BODY_CHANGES: Readonly<Record<string, (body: Buffer) => Buffer>> = {
  "bit flipped": (body) => {
    const changed = Buffer.from(body);
    const at = below(changed.length);
    changed[at] = (changed[at] ?? 0) ^ (1 << below(8));
    return changed;
  },
  "cut short": (body) => body.subarray(0, below(body.length)),
  "sent twice": (body) => Buffer.concat([body, body]),
  "space behind it": (body) => Buffer.concat([body, Buffer.from(pick([" ", "\n", "\0", "{}"]))]),
  "byte inserted": (body) => {
    const at = below(body.length + 1);
    return Buffer.concat([body.subarray(0, at), Buffer.from([below(256)]), body.subarray(at)]);
  },
};

interface Mutant {
  readonly name: string;
  readonly wire: Wire;
}

function mutate(wire: Wire, other: Wire): Mutant {
  const [header, value] = pick(wire.headers);
  const line = below(10);
  if (line === 0) return { name: `${header} dropped`, wire: withHeader(wire, header.toLowerCase(), null) };
  if (line === 1) {
    const again = [header, pick([value, flipped(value, below(value.length))])] as const;
    return { name: `${header} repeated`, wire: { ...wire, headers: [...wire.headers, again] } };
  }
  if (line === 2 && wire.body.length > 0) {
    const name = pick(Object.keys(BODY_CHANGES));
    const body = BODY_CHANGES[name]?.(Buffer.from(wire.body)) ?? wire.body;
    return { name: `body ${name}`, wire: { ...wire, body } };
  }
  if (line === 3) {
    const method = pick(["GET", "POST", "DELETE", "PUT", "OPTIONS"].filter((name) => name !== wire.method));
    return { name: `method ${method}`, wire: { ...wire, method } };
  }
  const name = pick(Object.keys(VALUE_CHANGES));
  const otherValue = other.headers.find(([named]) => named === header)?.[1] ?? "";
  const changed = VALUE_CHANGES[name]?.(value, otherValue) ?? value;
  return {
    name: `${header} ${name}: ${JSON.stringify(changed.slice(0, 40))}`,
    wire: {
      ...wire,
      headers: wire.headers.map((entry) => (entry[0] === header ? [header, changed] : entry)),
    },
  };
}

/** Headers that the origin receives though they need not be signed: nothing is decided from them. */
const UNSIGNED = { agent: ["accept"], poc: ["accept", "content-type"] };

/** What must arrive as it was signed. */
function essence(
  method: string,
  headers: Readonly<Record<string, string>>,
  body: Uint8Array,
  { profile }: Caller,
) {
  const signed = Object.entries(headers).filter(([name]) => !UNSIGNED[profile].includes(name));
  return JSON.stringify([method, signed.sort(), Buffer.from(body).toString("latin1")]);
}

const FORWARDED = /^(accept|content-type|last-event-id|mcp-.*)$/;

const expected = ({ method, headers, body }: Wire, caller: Caller): string =>
  essence(method, Object.fromEntries(headers.filter(([name]) => FORWARDED.test(name))), body, caller);

test(`${GROUPS * MUTANTS} changed requests`, { timeout: 60_000 }, async () => {
  const { arrivals } = scene.origin("acme");
  const surprises: string[] = [];
  const answers = new Set<string>();
  const callers = [scene.reader, scene.courier];
  const sign = (caller: Caller, mark: string) =>
    caller.profile === "agent" && mark.endsWith("3")
      ? scene.sign("acme", null, { caller, method: "GET", headers: { "last-event-id": mark } })
      : scene.sign("acme", toolCall(pick(["search", "sealed"]), { query: mark }, mark), { caller });

  for (let group = 0; group < GROUPS; group += 1) {
    const caller = pick(callers);
    const [mark, otherMark] = [`m-${group}`, `other-${group}`];
    const honest = await sign(caller, mark);
    const other = await sign(pick(callers), otherMark);
    const mutants = Array.from({ length: MUTANTS }, () => mutate(honest, other));
    const before = arrivals.length;
    const passed: string[] = [];
    await Promise.all(
      mutants.map(async ({ name, wire }) => {
        const answer = await exchange(scene.url, toBytes(wire)).catch(String);
        const short = typeof answer === "string" ? answer : told(answer);
        answers.add(short);
        if (short === "200") passed.push(name);
        if (typeof answer === "string" || answer.status >= 500) surprises.push(`${name}: ${short}`);
      }),
    );
    const last = told(await scene.send(honest));
    const arrived = arrivals.slice(before);
    const story = `${caller.name} ${mark}, then ${last}: ${passed.join(", ") || "nothing passed"}`;

    // Once and no more, whether it was a harmless change that came through or the honest request in the end.
    if (arrived.length > 1) surprises.push(`arrived ${arrived.length} times: ${story}`);
    if (arrived.length === 1 && last !== "200" && !last.startsWith("403 replay.")) surprises.push(story);
    // In the profile agent no change burns the honest request. In poc the attestation is unsigned, so one can.
    if (arrived.length === 0 && (caller.profile === "agent" || last !== "403 replay.ect"))
      surprises.push(story);

    for (const arrival of arrived) {
      const seen = essence(arrival.method, beyondFraming(arrival), arrival.body, caller);
      if (seen !== expected(honest, caller)) surprises.push(`${seen} arrived: ${story}`);
    }
  }
  expect(surprises).toEqual([]);
  // What the log calls admitted is what arrived.
  const db = await scene.runtime.d1();
  const admissions = db.prepare("SELECT COUNT(*) AS n FROM audit_records WHERE verdict = 'admitted'");
  await expect.poll(() => admissions.first("n"), { timeout: 10_000 }).toBe(arrivals.length);
  // Or the changes would prove little.
  expect(answers.size).toBeGreaterThan(12);
});
