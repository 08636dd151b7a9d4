import { expect, test } from "vitest";
import { reasonsTable } from "../../scripts/reasons-table.ts";
import { PUBLIC_FORMS, REASONS } from "../../src/reasons.ts";

const page = reasonsTable();

test.each([...Object.keys(REASONS), ...Object.keys(PUBLIC_FORMS)])("%s has exactly one anchor", (code) => {
  expect(page.split(`<a id="${code}"></a>`)).toHaveLength(2);
});

test("every link on the page leads to an anchor", () => {
  for (const [, target] of page.matchAll(/\]\(#([^)]+)\)/g)) expect(page).toContain(`<a id="${target}"></a>`);
});

test("every row has five cells", () => {
  const rows = page
    .split("\n")
    .filter((line) => line.startsWith("| <a") && line.includes("`") && !line.includes(".invalid`"));
  for (const row of rows) expect(row.replaceAll("\\|", "").split("|")).toHaveLength(7);
});
