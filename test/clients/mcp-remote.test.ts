/** mcp-remote, which cannot sign, behind the signing hop: that it works, and what it shows of refusals. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Fence, remoteCommand, runRemote, startFence } from "./children.ts";
import {
  attestationError,
  DENIALS,
  DENIED_CALLS,
  type Denial,
  denialFor,
  reasonIn,
  refusal,
} from "./denials.ts";
import { answer, exercise } from "./exercise.ts";
import { AUTHORIZATION_SERVER, type Line, type Place, setPlace } from "./place.ts";
import { type Connected, connectStdio, thrown1 } from "./sdks.ts";

let place: Place;
let fence: Fence;
beforeAll(async () => {
  [place, fence] = await Promise.all([setPlace(), startFence()]);
});
afterAll(async () => {
  await place.close();
  await fence.close();
});

const args = { query: "wax" };
const found = { text: "search: wax", isError: false };

describe("on starting", () => {
  const starting = async (url: string, ...options: string[]) => {
    const { code, stdout, stderr } = await runRemote(fence, url, ...options);
    expect([code, stdout]).toEqual([1, ""]);
    return stderr;
  };

  // It treats 401 and 404 each in a way of its own, and all the others alike.
  test.each(DENIALS.filter(({ status }) => status === 404 || status === 503))("$what", async (denial) => {
    const stderr = await starting(place.hop(await denial.line(place, "legacy")));
    expect(stderr).toEqual(reasonIn(denial.reason));
  });

  test.each([
    ["no mandate", async () => []],
    [
      "a mandate that has expired",
      async () => ["--header", `Authorization: Bearer ${await place.scene.mandate("legacy", { now: 1 })}`],
    ],
  ])("%s: it looks for a place to sign in at, and tells how that went", async (_, header) => {
    const stderr = await starting(place.scene.endpoint("legacy"), ...(await header()));
    expect(stderr).toContain("Dynamic Client Registration rejected (HTTP 404)");
    expect(stderr).toEqual(reasonIn("target.no_authorization_server"));
  });

  test("no mandate, where the tenant names an authorization server: it turns there", async () => {
    await starting(place.scene.endpoint("guarded"));
    expect(fence.wanted).toContain(`${new URL(AUTHORIZATION_SERVER).host}:443`);
  });
});

describe.each([
  ["legacy", "legacy"],
  ["modern", "auto"],
] as const)("%s server, --protocol %s", (tenant, era) => {
  let line: Line;
  let honest: Line;
  let client: Connected;
  beforeAll(async () => {
    line = honest = await place.line(tenant);
    const url = place.hop(() => line());
    client = await connectStdio(remoteCommand(fence, url, "--protocol", era));
  });
  afterAll(() => client.close());
  const search = () => client.call("search", args);

  test("calls, parallel calls, progress, questions", async () => {
    await exercise(client);
    await answer(client);
  });

  // With sessions, what follows a 404 is another matter: see below.
  test.each(DENIALS.filter(({ status }) => tenant === "modern" || status !== 404))(
    "$what",
    async (denial) => {
      line = await denial.line(place, tenant);
      expect(thrown1(await refusal(search()))).toMatchObject(told(denial));
      line = honest;
      expect(await search()).toEqual(found);
    },
  );

  // The client's session is of its own tenant.
  test.each(DENIED_CALLS.filter((denied) => tenant === "modern" || denied.tenant === undefined))(
    "one call: $what",
    async (denied) => {
      line = await place.line(denied.tenant ?? tenant, denied.wishes?.(place));
      const call = client.call(denied.tool, denied.args);
      switch (denied.form) {
        case "result":
          expect(await call).toEqual(attestationError(denied.reason));
          break;
        case "error": {
          const error = thrown1(await refusal(call));
          expect(error).toMatchObject({ code: -32001, message: reasonIn(denied.reason) });
        }
      }
    },
  );

  if (tenant === "modern") return;

  test("the session of another agent: it begins a new one", async () => {
    line = await place.line(tenant, { caller: place.scene.writer });
    expect(await search()).toEqual(found);
    line = honest;
    expect(await search()).toEqual(found);
  });

  test("a tenant that does not exist: it cannot begin a new one, and has none from then on", async () => {
    line = await denialFor("target.unknown").line(place, tenant);
    const told = reasonIn("target.unknown");
    expect(thrown1(await refusal(search()))).toMatchObject({ code: -32001, message: told });
    line = honest;
    const message = expect.stringContaining("Server not initialized");
    expect(thrown1(await refusal(search()))).toMatchObject({ code: -32001, message });
  });
});

/** The JSON-RPC error that the host of mcp-remote gets for a call in the middle of a session. */
function told({ reason, status, toolCall }: Denial): object {
  if (toolCall === 200) return { code: status, data: { reason } };
  // The metadata are those of the URL that the hop signs for, which is not the one that mcp-remote was given.
  const message = status === 401 ? expect.stringContaining("does not match expected") : reasonIn(reason);
  return { code: -32001, message };
}

test("it wanted to reach no other host, but for the one it was sent to", () => {
  expect(new Set(fence.wanted)).toEqual(new Set([`${new URL(AUTHORIZATION_SERVER).host}:443`]));
});
