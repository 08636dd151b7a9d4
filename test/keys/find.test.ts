import { exportJWK, generateKeyPair } from "jose";
import { describe, expect, test } from "vitest";
import { agentKeys } from "../../src/evidence/agent-key.ts";
import { findKey, keyFinder } from "../../src/keys/find.ts";
import type { KeyRing, KeySource, WantedKey } from "../../src/keys/source.ts";
import { readAnchor } from "../../src/keys/x509/anchor.ts";
import { KEYS_COOL_DOWN_MS } from "../../src/limits.ts";
import type { Agent, Tenant } from "../../src/tenant/tenant.ts";
import { FROM, issue, uriName } from "../support/certificates.ts";

const NOW = FROM.getTime() + 1000;
const jwk = await exportJWK((await generateKeyPair("ES256", { extractable: true })).publicKey);
const wanted = (kid: string, x5c: WantedKey["x5c"] = null): WantedKey => ({
  kid,
  algorithms: ["ES256"],
  x5c,
});

/** JWK sets on servers of one's own, each with keys of these kids, or down; and how often each was asked. */
function world(kidsOf: Readonly<Record<string, readonly string[] | null>>) {
  const run = crypto.randomUUID();
  const sourceOf = (host: string): KeySource => ({
    type: "jwks",
    url: `https://${host}.example/${run}`,
    binding: "KEYS",
  });
  const state = { kidsOf: { ...kidsOf }, now: NOW, asked: [] as string[] };
  const fetch = async (url: string): Promise<Response> => {
    const host = new URL(url).hostname.split(".")[0] ?? "";
    state.asked.push(host);
    const kids = state.kidsOf[host];
    return kids
      ? Response.json({ keys: kids.map((kid) => ({ ...jwk, kid })) })
      : new Response("", { status: 500 });
  };
  const finder = keyFinder({ KEYS: { fetch } } as unknown as Env, () => state.now);
  const sources = Object.keys(kidsOf).map(sourceOf);
  const find = async (kid: string, x5c: WantedKey["x5c"] = null, others: readonly KeySource[] = []) => {
    const ring: KeyRing = { own: new Map(), sources: [...sources, ...others], pinned: new Set() };
    const found = await findKey(ring, wanted(kid, x5c), finder);
    return found.ok ? found.value.kid : found.error;
  };
  return { state, find, finder, sources };
}

describe("several sources", () => {
  test("a key that one of them is known to have makes nobody be asked", async () => {
    const { state, find } = world({ one: ["a"], two: ["b"] });
    expect(await find("b")).toBe("b");
    expect(state.asked).toEqual(["one", "two"]);
    for (let i = 0; i < 5; i++) {
      state.now += KEYS_COOL_DOWN_MS;
      expect(await find("b")).toBe("b");
    }
    expect(state.asked).toEqual(["one", "two"]);
  });

  test("one that is down holds nobody up who has a key of another", async () => {
    const { state, find } = world({ dead: null, live: ["b"] });
    expect(await find("b")).toBe("b");
    state.now += KEYS_COOL_DOWN_MS;
    expect(await find("b")).toBe("b");
    expect(state.asked).toEqual(["dead", "live"]);
    expect(await find("c")).toBe("unavailable");
  });

  test("a DID is asked for its own keys alone", async () => {
    const { state, finder } = world({});
    const source: KeySource = {
      type: "did:web",
      did: "did:web:d.example",
      url: `https://d.example/${crypto.randomUUID()}`,
      binding: "KEYS",
      relationship: "assertionMethod",
    };
    for (const kid of ["k", "#k", "did:web:d.example", "did:web:d.example.evil#k", "did:web:d.example:x#k"]) {
      expect(await finder(source, wanted(kid), "network")).toEqual({ ok: false, error: "unknown" });
    }
    expect(state.asked).toEqual([]);
    expect(await finder(source, wanted("did:web:d.example#k"), "network")).toEqual({
      ok: false,
      error: "unavailable",
    });
    expect(state.asked).toEqual(["d"]);
  });

  test("a certificate that comes along is looked at before anybody is asked", async () => {
    const { state, find } = world({ one: ["a"] });
    const root = await issue({ name: "root" });
    const leaf = await issue({ name: "leaf", by: root, usage: "signer", extensions: [uriName("u:x")] });
    const anchor = await readAnchor(root.base64);
    if (!anchor.ok) throw new Error(anchor.error);
    const certified: KeySource = { type: "x509", anchors: [anchor.value], san: { uri: "u:x" } };
    expect(await find("k", [leaf.base64], [certified])).toMatch(/^[\w-]{43}$/);
    expect(state.asked).toEqual([]);
    expect(await find("k", [root.base64], [certified])).toBe("untrusted");
    expect(await find("k", null, [certified])).toBe("unknown");
    expect(await find("a", null, [certified])).toBe("a");
  });
});

describe("the sources of an agent", () => {
  const of = ({ sources, finder }: ReturnType<typeof world>) => {
    const keySources = sources.map((source) => ({ source, profile: "agent", lane: 2 }));
    const agent = { name: "reader", keySources } as unknown as Agent;
    const tenant = { agents: { keys: new Map() }, pinnedKeys: new Set() } as unknown as Tenant;
    return agentKeys(agent, tenant, finder);
  };

  test("give one profile and lane, whichever answers", async () => {
    for (const kids of [
      { one: ["k"], two: ["k"] },
      { one: null, two: ["k"] },
    ]) {
      expect(await of(world(kids))(wanted("k"))).toMatchObject({
        ok: true,
        value: { agent: { name: "reader" }, profile: "agent", lane: 2 },
      });
    }
  });

  test("are no answer where none can tell, and none where there are none", async () => {
    expect(await of(world({ one: ["a"], two: null }))(wanted("k"))).toEqual({
      ok: false,
      error: "keys.unavailable",
    });
    expect(await of(world({ one: ["a"] }))(wanted("k"))).toEqual({ ok: true, value: null });
    expect(await of(world({}))(wanted("k"))).toEqual({ ok: true, value: null });
  });
});
