import { describe, expect, test } from "vitest";
import { sha256, toBase64url, utf8 } from "../../src/encoding.ts";
import { CHUNK_BYTES } from "../../src/limits.ts";
import { passOn } from "../../src/origin/pass-on.ts";
import { brokenAfter, handFed, streamOf } from "../support/streams.ts";

const NEVER = new AbortController().signal;

/** Passes an answer on, and notes whether somebody watches over it. */
async function pass(body: ReadableStream<Uint8Array> | null, length: number | null, stop = NEVER) {
  const seen: Uint8Array[] = [];
  let isWatched = false;
  const asked = () => {
    isWatched = true;
    return stop;
  };
  const answer = { status: 200, headers: new Headers(), body, length };
  const passed = await passOn(answer, NEVER, asked, (chunk) => void seen.push(chunk));
  return { ...passed, isWatched, seen };
}

const whole = async (text: string) => ({ sha256: toBase64url(await sha256(utf8(text))), reason: null });

const textOf = (body: BodyInit | null) => new Response(body).text();

describe("an answer that is there with its head", () => {
  test("is passed on as it is, and seen, and nobody watches over it", async () => {
    const { body, end, isWatched, seen } = await pass(streamOf(utf8("abc")), 3);
    expect(body).toEqual(utf8("abc"));
    expect(seen).toEqual([utf8("abc")]);
    expect(await end).toEqual(await whole("abc"));
    expect(isWatched).toBe(false);
  });

  test("is waited for no longer than it has octets: its connection may stay open", async () => {
    const fed = handFed();
    fed.push(utf8("abc"));
    expect((await pass(fed.body, 3)).body).toEqual(utf8("abc"));
  });
});

describe("any other is a stream from its beginning, and is watched over", () => {
  test.each<[string, () => ReadableStream<Uint8Array>, number | null, string]>([
    ["of unknown length", () => streamOf(utf8("abc")), null, "abc"],
    ["empty", () => streamOf(), 0, ""],
    ["in two pieces", () => streamOf(utf8("ab"), utf8("c")), 3, "abc"],
    ["shorter than was said", () => streamOf(utf8("ab")), 3, "ab"],
    ["long", () => streamOf(utf8("x".repeat(CHUNK_BYTES + 1))), CHUNK_BYTES + 1, "x".repeat(CHUNK_BYTES + 1)],
  ])("%s", async (_, stream, length, text) => {
    const { body, end, isWatched, seen } = await pass(stream(), length);
    expect(body).toBeInstanceOf(ReadableStream);
    expect(await textOf(body)).toBe(text);
    expect(seen.map((chunk) => new TextDecoder().decode(chunk)).join("")).toBe(text);
    expect(await end).toEqual(await whole(text));
    expect(isWatched).toBe(true);
  });

  test("late: the head does not wait for it", async () => {
    const fed = handFed();
    const { body, end } = await pass(fed.body, 3);
    fed.push(utf8("abc"));
    expect(await textOf(body)).toBe("abc");
    expect(await end).toEqual(await whole("abc"));
  });

  test.each([
    ["at once", () => brokenAfter()],
    ["after a piece", () => brokenAfter(utf8("ab"))],
  ])("broken off %s: the client has the head, and an error", async (_, stream) => {
    const { body, end } = await pass(stream(), 3);
    await expect(textOf(body)).rejects.toThrow();
    expect(await end).toEqual({ sha256: null, reason: "origin.broken" });
  });

  test("stopped while it is late: it breaks, and the origin is told", async () => {
    const stop = new AbortController();
    const fed = handFed();
    const { body, end } = await pass(fed.body, 3, stop.signal);
    const text = textOf(body);
    stop.abort("act.expired");
    await expect(text).rejects.toThrow();
    expect(await end).toEqual({ sha256: null, reason: "act.expired" });
    expect(await fed.cancelled).toBe("act.expired");
  });
});

test("no body at all: nobody watches over it", async () => {
  const { body, end, isWatched } = await pass(null, null);
  expect(body).toBeNull();
  expect(isWatched).toBe(false);
  expect(await end).toEqual(await whole(""));
});
