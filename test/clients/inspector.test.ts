/** The Inspector's command line, which cannot sign, behind the signing hop: that it works, and what it shows of refusals. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { REASONS } from "../../src/reasons.ts";
import { type Fence, inspect, startFence } from "./children.ts";
import { attestationError, DENIALS, DENIED_CALLS, denialFor, reasonIn } from "./denials.ts";
import { TOOLS } from "./origin-tools.ts";
import { type Line, type Place, setPlace } from "./place.ts";

let place: Place;
let fence: Fence;
beforeAll(async () => {
  [place, fence] = await Promise.all([setPlace(), startFence()]);
});
afterAll(async () => {
  await place.close();
  await fence.close();
});

/** Its exit codes. */
const DONE = 0;
const OTHER_ERROR = 1;
const AUTH_REQUIRED = 3;
const TOOL_ERROR = 5;

/** Its result, or the error it tells of. */
async function inspected(line: Line | string, ...args: string[]) {
  const url = typeof line === "string" ? line : place.hop(line);
  const { code, stdout, stderr } = await inspect(fence, url, ...args);
  return {
    code,
    result: stdout === "" ? null : JSON.parse(stdout).result,
    error: stderr === "" ? null : JSON.parse(stderr).error,
  };
}

const call = (tool: string, args: object): string[] => [
  ...["--method", "tools/call", "--tool-name", tool],
  ...["--tool-args-json", JSON.stringify(args)],
];
const search = call("search", { query: "wax" });
const found = { content: [{ type: "text", text: "search: wax" }] };

describe("what it is for", () => {
  test.each([
    ["lists tools", ["--method", "tools/list"], { tools: TOOLS.map((name) => ({ name })) }],
    ["calls a tool", search, found],
    [
      "reads a resource",
      ["--method", "resources/read", "--uri", "test://note"],
      { contents: [{ text: "a note" }] },
    ],
  ])("%s", async (_, args, result) => {
    const seen = await inspected(await place.line("legacy"), ...args);
    expect(seen).toMatchObject({ code: DONE, result, error: null });
  });

  test("gets a tool's error", async () => {
    const seen = await inspected(await place.line("legacy"), ...call("fails", {}));
    expect(seen).toMatchObject({ code: TOOL_ERROR, result: { isError: true } });
  });

  test("modern era: calls a tool", async () => {
    const seen = await inspected(await place.line("modern"), ...search, "--protocol-era", "modern");
    expect(seen).toMatchObject({ code: DONE, result: found });
  });
});

describe("refusals", () => {
  test.each(DENIALS)("$what", async ({ line, reason, status }) => {
    const seen = await inspected(await line(place, "legacy"), ...search, "--stored-auth-only");
    const isAuth = status === 401 || status === 403;
    expect(seen).toMatchObject({
      code: isAuth ? AUTH_REQUIRED : OTHER_ERROR,
      result: null,
      error: {
        code: isAuth ? "auth_required" : "error",
        message: reasonIn(reason),
        ...(status !== 401 && { status }),
      },
    });
  });

  test.each(DENIED_CALLS)("of one call: $what", async (denied) => {
    const line = await place.line(denied.tenant ?? "legacy", denied.wishes?.(place));
    const { code, result, error } = await inspected(line, ...call(denied.tool, denied.args));
    switch (denied.form) {
      case "result": {
        const { isError, content } = result;
        expect(code).toBe(TOOL_ERROR);
        expect({ isError, text: content[0].text }).toEqual(attestationError(denied.reason));
        break;
      }
      case "error":
        expect(code).toBe(OTHER_ERROR);
        expect(error).toMatchObject({ status: denied.status, message: reasonIn(denied.reason) });
    }
  });

  test("of one call: a tool outside the mandate. The words are there, the reason code is not", async () => {
    const line = await place.line("legacy", { run: await place.scene.run("legacy") });
    expect(await inspected(line, ...call("fails", {}))).toEqual({
      code: AUTH_REQUIRED,
      result: null,
      error: { code: "auth_required", message: REASONS["capability.missing"].help, status: 403 },
    });
  });

  test("no mandate, without --stored-auth-only: it wants to sign in, and does not say why", async () => {
    expect(await inspected(place.scene.endpoint("legacy"), ...search)).toEqual({
      code: AUTH_REQUIRED,
      result: null,
      error: { code: "auth_required", message: expect.stringContaining("requires a TTY") },
    });
  });

  test("modern era, too many requests: the status that server/discover had, and nothing of the reason", async () => {
    const line = await denialFor("rate.brake").line(place, "modern");
    expect(await inspected(line, ...search, "--protocol-era", "auto")).toEqual({
      code: OTHER_ERROR,
      result: null,
      error: {
        code: "error",
        message: "Version negotiation failed: the server answered the probe with HTTP 503",
        status: 503,
      },
    });
  });
});

test("it wanted to reach no other host", () => {
  expect(fence.wanted).toEqual([]);
});
