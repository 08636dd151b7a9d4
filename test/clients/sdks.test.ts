/** The clients of the SDK with the kit's fetch: that they work, and what they see of every class of refusals. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createFetch } from "../../src/agent/index.ts";
import { attestationError, DENIALS, DENIED_CALLS, ORIGIN_DENIALS, reasonIn, refusal } from "./denials.ts";
import { answer, exercise } from "./exercise.ts";
import { type Line, type Place, setPlace } from "./place.ts";
import { type Connected, lineFetch, SDKS } from "./sdks.ts";

let place: Place;
beforeAll(async () => {
  place = await setPlace();
});
afterAll(() => place.close());

const args = { query: "wax" };

describe.concurrent.each(SDKS)("$name", (sdk) => {
  test.each(["legacy", "modern"] as const)("%s server: calls, parallel calls, progress", async (tenant) => {
    const endpoint = place.scene.endpoint(tenant);
    const client = await sdk.connect(endpoint, createFetch({ ...(await place.options(tenant)), endpoint }));
    await exercise(client);
    // At a server without sessions, a client of the legacy era has nobody to answer to.
    if (tenant === "legacy" || sdk.tenant === "modern") await answer(client);
    await client.close();
  });

  test("hears that the tools have changed", async () => {
    const listens = Promise.withResolvers<void>();
    const heard = Promise.withResolvers<void>();
    const stream = sdk.tenant === "legacy" ? "GET 200" : "subscriptions/listen 200";
    const fetch = lineFetch(await place.line(sdk.tenant), (exchange) => {
      if (exchange === stream) listens.resolve();
    });
    const ears = { onToolsChanged: heard.resolve };
    const client = await sdk.connect(place.scene.endpoint(sdk.tenant), fetch, ears);
    await listens.promise;
    place[sdk.tenant].toolsChanged();
    await heard.promise;
    await client.close();
  });
});

describe.concurrent.each(SDKS)("$name, on connecting", ({ connect, opens, tenant, thrown }) => {
  test.each([...DENIALS, ...ORIGIN_DENIALS])("$what", async (denial) => {
    const { reason } = denial;
    const status = opens === "server/discover" ? denial.discover : denial.status;
    const exchanges: string[] = [];
    const fetch = lineFetch(await denial.line(place, tenant), (exchange) => exchanges.push(exchange));
    const error = thrown(await refusal(connect(place.scene.endpoint(tenant), fetch)));
    expect(error).toMatchObject({ kind: "http", status, body: reasonIn(reason) });
    // What is said of a negotiation that failed is the status alone.
    expect(error.message.includes(reason)).toBe(opens === "initialize");
    // One exchange: a client that negotiates does not try the legacy era after it was refused.
    expect(exchanges).toEqual([`${opens} ${status}`]);
  });
});

describe.concurrent.each(SDKS)("$name, in the middle of a session", ({ connect, tenant, thrown }) => {
  let line: Line;
  let honest: Line;
  let client: Connected;
  const calls: string[] = [];
  beforeAll(async () => {
    line = honest = await place.line(tenant);
    const fetch = lineFetch(
      () => line(),
      (exchange) => {
        if (exchange.startsWith("tools/call")) calls.push(exchange);
      },
    );
    client = await connect(place.scene.endpoint(tenant), fetch);
  });
  afterAll(() => client.close());

  test.each(DENIALS)("$what", { concurrent: false }, async (denial) => {
    const { reason, status, toolCall } = denial;
    line = await denial.line(place, tenant);
    const error = await refusal(client.call("search", args));
    expect(thrown(error)).toMatchObject(
      toolCall === 200
        ? { kind: "json-rpc", code: status, data: { reason } }
        : { kind: "http", status, body: reasonIn(reason) },
    );
    expect(calls.at(-1)).toBe(`tools/call ${toolCall ?? status}`);
    // The connection is as good as before.
    line = honest;
    expect(await client.call("search", args)).toEqual({ text: "search: wax", isError: false });
  });
});

describe.concurrent.each(SDKS)("$name, one call", ({ connect, tenant, thrown }) => {
  test.each(DENIED_CALLS)("$what", async (denied) => {
    const where = denied.tenant ?? tenant;
    const line = await place.line(where, denied.wishes?.(place));
    const client = await connect(place.scene.endpoint(where), lineFetch(line));
    const call = client.call(denied.tool, denied.args);
    switch (denied.form) {
      case "result":
        expect(await call).toEqual(attestationError(denied.reason));
        break;
      case "error": {
        const { status, reason } = denied;
        expect(thrown(await refusal(call))).toMatchObject({ kind: "http", status, body: reasonIn(reason) });
      }
    }
    await client.close();
  });
});

// The modern era has no sessions.
const LEGACY = SDKS.filter(({ opens }) => opens === "initialize");
test.each(LEGACY)("$name, the session of another agent", async ({ connect, thrown }) => {
  const reader = await place.line("legacy");
  let line = reader;
  const fetch = lineFetch(() => line());
  const client = await connect(place.scene.endpoint("legacy"), fetch);
  line = await place.line("legacy", { caller: place.scene.writer });
  const error = await refusal(client.call("search", args));
  expect(thrown(error)).toMatchObject({ kind: "http", status: 404, body: reasonIn("session.unknown") });
  line = reader;
  expect(await client.call("search", args)).toEqual({ text: "search: wax", isError: false });
  await client.close();
});
