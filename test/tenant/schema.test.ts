import { describe, expect, test } from "vitest";
import { tenantJsonSchema } from "../../src/tenant/json-schema.ts";
import stored from "../../src/tenant/schema.json" with { type: "json" };

type Node = { properties?: Record<string, Node>; items?: Node; oneOf?: Node[]; [key: string]: unknown };

/** Every schema node with its path. */
function* nodes(node: Node, path: string): Generator<[string, Node]> {
  yield [path, node];
  for (const [name, child] of Object.entries(node.properties ?? {})) yield* nodes(child, `${path}.${name}`);
  if (node.items) yield* nodes(node.items, `${path}[]`);
  for (const option of node.oneOf ?? []) yield* nodes(option, path);
}

const schema = tenantJsonSchema() as Node;

describe("the JSON Schema", () => {
  test("is the stored one", () => expect(stored).toEqual(JSON.parse(JSON.stringify(schema))));

  test("takes no unknown fields and bounds every list", () => {
    for (const [path, node] of nodes(schema, "")) {
      if (node.properties) expect([path, node.additionalProperties]).toEqual([path, false]);
      if (node.type === "array") expect([path, typeof node.maxItems]).toEqual([path, "number"]);
    }
  });

  test("describes every field", () => {
    const undescribed = [...nodes(schema, "")]
      .flatMap(([path, node]) =>
        Object.entries(node.properties ?? {}).map(([name, child]) => [`${path}.${name}`, child] as const),
      )
      .filter(([, child]) => typeof child.description !== "string" && !("const" in child));
    expect(undescribed.map(([path]) => path)).toEqual([]);
  });
});
