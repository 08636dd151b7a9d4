import { describe, expect, test } from "vitest";
import { compare } from "./compare.ts";
import type { Check, Results } from "./suite.ts";

const results = (
  scenarios: Record<string, readonly [id: string, status: Check["status"]][] | null>,
): Results =>
  new Map(
    Object.entries(scenarios).map(([name, checks]) => [
      name,
      checks?.map(([id, status]) => ({ id, status })) ?? null,
    ]),
  );

describe("compare", () => {
  test("two runs that came out the same differ in nothing", () => {
    const run = () => results({ ping: [["ping", "SUCCESS"]], tools: [["list", "WARNING"]] });
    expect(compare(run(), run())).toEqual({
      scenarios: 2,
      checks: 2,
      passedDirectly: 1,
      passedThrough: 1,
      differences: [],
      missing: [],
      failedDirectly: [],
    });
  });

  test("another status is a difference, whichever side it is better on", () => {
    const { differences } = compare(
      results({
        ping: [
          ["a", "SUCCESS"],
          ["b", "WARNING"],
        ],
      }),
      results({
        ping: [
          ["a", "WARNING"],
          ["b", "SUCCESS"],
        ],
      }),
    );
    expect(differences.map(({ check }) => check)).toEqual(["a", "b"]);
  });

  test("an id that occurs several times is compared occurrence by occurrence", () => {
    const { differences, checks } = compare(
      results({
        headers: [
          ["reject", "SUCCESS"],
          ["reject", "SUCCESS"],
        ],
      }),
      results({
        headers: [
          ["reject", "SUCCESS"],
          ["reject", "FAILURE"],
          ["reject", "SUCCESS"],
        ],
      }),
    );
    expect(checks).toBe(3);
    expect(differences.map(({ check, direct }) => [check, direct?.status ?? null])).toEqual([
      ["reject (2)", "SUCCESS"],
      ["reject (3)", null],
    ]);
  });

  test("a scenario that left no result on a side is missing", () => {
    const { missing } = compare(
      results({ left: [["a", "SUCCESS"]], both: null, empty: [] }),
      results({ both: null, empty: [], right: [["a", "SUCCESS"]] }),
    );
    expect(missing).toEqual(["left", "both", "empty", "right"]);
  });

  test("what fails on both sides is no difference, but it is told", () => {
    const run = () => results({ ping: [["ping", "FAILURE"]] });
    const { differences, failedDirectly } = compare(run(), run());
    expect(differences).toEqual([]);
    expect(failedDirectly.map(({ check }) => check)).toEqual(["ping"]);
  });
});
