import { ContentBlockSchema } from "@modelcontextprotocol/sdk/types.js";
import * as v from "valibot";
import { describe, expect, test } from "vitest";
import { isObject, type JsonObject, type JsonValue } from "../../src/json/strict-json.ts";
import { redactBlock } from "../../src/redaction/blocks.ts";
import { redactionPolicy, redaction as schema } from "../../src/tenant/schema/redaction.ts";

const KEY = ["AKIA", "IOSFODNN7EXAMPLE"].join("");
const FIELD = "[redacted: field]";

const shown = (block: JsonValue, document: v.InferInput<typeof schema>): JsonObject => {
  const redacted = redactBlock(block, redactionPolicy(v.parse(schema, document)));
  if (!isObject(redacted)) throw new Error("no block");
  return redacted;
};

const LINK = {
  type: "resource_link",
  uri: "https://a.example/b",
  name: "a",
  size: 12,
  annotations: { audience: ["user", "assistant"], priority: 1, lastModified: "2026-01-01T00:00:00Z" },
};
/** Fields that are called as members of MCP's own are. */
const OF_MCP = {
  fields: ["type", "uri", "name", "size", "annotations", "priority", "audience", "_meta", "key"],
};

describe("what MCP names in a block", () => {
  test("stays, and of its type, whatever fields are called and however short lists are cut", () => {
    const cut = shown({ ...LINK, _meta: { size: 1 } }, { ...OF_MCP, truncate: { maxItems: 1 } });
    expect(cut).toEqual({ ...LINK, _meta: { size: FIELD } });
    expect(ContentBlockSchema.safeParse(cut).success).toBe(true);
  });

  test("is searched for secrets", () => {
    const holding = { ...LINK, uri: `a:${KEY}`, name: KEY, size: 4111111111111111, icons: [{ src: KEY }] };
    const cut = shown({ ...holding, annotations: { lastModified: KEY, audience: [KEY] } }, {});
    expect(JSON.stringify(cut)).not.toMatch(new RegExp(`${KEY}|4111111111111111`));
    expect(cut).toMatchObject({ type: "resource_link", size: 0, icons: [] });
  });

  test("of another type than it should have is a member like any other", () => {
    expect(shown({ type: "x", uri: { uri: 1 }, size: "1", annotations: [1] }, OF_MCP)).toEqual({
      type: "x",
      uri: FIELD,
      size: FIELD,
      annotations: FIELD,
    });
  });

  test("stays a URI where it was one", () => {
    for (const [uri, document] of [
      [`https://a.example/?key=${KEY}`, {}],
      [`https://a.example/?key=${KEY}`, OF_MCP],
      [`https://a.example/?key=${KEY}`, { truncate: { maxText: 16 } }],
      [`${KEY}:`, {}],
    ] as const) {
      const cut = String(shown({ ...LINK, uri }, document).uri);
      expect(URL.canParse(cut), cut).toBe(true);
      expect(cut).not.toContain(KEY);
    }
    const resource = { uri: "x:?key=1", text: "a" };
    expect(shown({ type: "resource", resource }, OF_MCP).resource).toEqual({
      uri: "redacted:field",
      text: "a",
    });
  });
});

test("any other member of a block is one like all else", () => {
  const fields = { fields: ["password"] };
  expect(shown({ type: "text", text: "a", password: "x" }, fields).password).toBe(FIELD);
  expect(shown({ type: "row", Password: "x" }, fields).Password).toBe(FIELD);
  const resource = { uri: "file:///a", text: "b", password: "x" };
  expect(shown({ type: "resource", resource }, fields).resource).toEqual({ ...resource, password: FIELD });
});
