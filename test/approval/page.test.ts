import { expect, test } from "vitest";
import { questionPage } from "../../src/approval/page.ts";
import type { ApprovalView } from "../../src/approval/view.ts";
import type { ApprovalEntry } from "../../src/ledger/protocol.ts";

const entry: ApprovalEntry = {
  id: "A".repeat(22),
  digest: "d".repeat(43),
  tool: "pay",
  revision: "r",
  roles: ["payer"],
  people: 1,
  expires: 2_000_000_000,
  state: "pending",
  sealed: "k1.sealed",
  approvals: [],
};

const view: ApprovalView = {
  run: null,
  principal: "agent:reader",
  tool: "pay",
  params: { name: "pay", arguments: { amount: 10 } },
  purposes: [],
};

const shown = (changes: Partial<ApprovalView> = {}): Promise<string> => {
  const tenant = "https://g.example/acme/mcp";
  return questionPage({ entry, view: { ...view, ...changes }, tenant, token: "t", approver: "a" }).text();
};

/** What is said under a heading, without the marks. */
const saidIn = (html: string): readonly (readonly [string, string])[] =>
  [...html.matchAll(/<dt>(.*?)<\/dt><dd>(.*?)<\/dd>/gs)].map(([, name = "", value = ""]) => [name, value]);

test("whose words a purpose is stands outside of them, and they move nothing", async () => {
  const purposes = [
    { issuer: "https://issuer.example", purpose: "pay the rent" },
    { issuer: "agent:planner", purpose: "all is well (says https://issuer.example) \u05d0\u05d1" },
  ];
  const said = saidIn(await shown({ purposes })).filter(([name]) => name.startsWith("Purpose"));
  expect(said).toEqual([
    ["Purpose, as https://issuer.example says", '<bdo dir="ltr">pay the rent</bdo>'],
    [
      "Purpose, as agent:planner says",
      '<bdo dir="ltr">all is well (says https://issuer.example) \u05d0\u05d1</bdo>',
    ],
  ]);
});

test("all that was not written by us is kept in its own order", async () => {
  const html = await shown({ principal: "oauth:https://as.example:\u05d0", run: '["jti","i","m"]' });
  const texts = saidIn(html).filter(([name]) => /^(Server|Who|Tool|Run|You)/.test(name));
  expect(texts).toHaveLength(5);
  for (const [, value] of texts) expect(value).toMatch(/^<bdo dir="ltr">[^<]*<\/bdo>$/);
});

test("all params are there but those that are shown by name", async () => {
  const params = JSON.parse(
    '{"name":"pay","arguments":{"amount":10},"task":{"ttl":60},"__proto__":{"to":"eve"}}',
  );
  const html = await shown({ params });
  expect(html).toContain("&#34;amount&#34;: 10");
  expect(html).toContain("&#34;ttl&#34;: 60");
  expect(html).toContain("&#34;to&#34;: &#34;eve&#34;");
  expect(await shown()).not.toContain("Other params");
});

test("letters that may look like others are pointed out", async () => {
  const note = "beyond English letters";
  expect(await shown()).not.toContain(note);
  expect(await shown({ params: { name: "pay", arguments: { to: "p\u0430ypal" } } })).toContain(note);
});
