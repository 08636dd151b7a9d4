import { expect, test } from "vitest";
import { brake } from "../src/brake.ts";
import { facts, outcome } from "./support/acme.ts";

/** An environment whose brake answers as given, and the keys it was asked about. */
function braking(answer: () => Promise<{ success: boolean }>): { env: Env; keys: string[] } {
  const keys: string[] = [];
  const limit = ({ key }: { key: string }) => {
    keys.push(key);
    return answer();
  };
  return { env: { BRAKE: { limit } } as unknown as Env, keys };
}

const yes = async () => ({ success: true });
const no = async () => ({ success: false });
const broken = async () => Promise.reject(new Error("no such thing"));

test.each([
  ["passes", yes, "ok"],
  ["brakes", no, "rate.brake"],
  ["a broken brake stops nobody", broken, "ok"],
] as const)("%s", async (_, answer, expected) => {
  expect(outcome(await brake(facts(), braking(answer).env))).toBe(expected);
});

test("without a binding nobody is stopped", async () => {
  expect(outcome(await brake(facts(), {} as unknown as Env))).toBe("ok");
});

test("is keyed by the address, else by the host: a path is anybody's", async () => {
  const { env, keys } = braking(yes);
  await brake(facts({}, { clientAddress: "203.0.113.7" }), env);
  await brake(facts({ "cf-connecting-ip": "198.51.100.1" }), env);
  expect(keys).toEqual(["203.0.113.7", "gateway.example"]);
});
