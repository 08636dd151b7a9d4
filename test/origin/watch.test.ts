import { describe, expect, test } from "vitest";
import { bodyReader } from "../../src/bytes/piece-reader.ts";
import { sha256, toBase64url, utf8 } from "../../src/encoding.ts";
import { type Cuts, watchBody } from "../../src/origin/watch.ts";
import { brokenAfter, handFed, streamOf } from "../support/streams.ts";

const CLIENT_GONE = { sha256: null, reason: "origin.client_gone" };
const BROKEN = { sha256: null, reason: "origin.broken" };
function watch(
  { body, length }: { body: ReadableStream<Uint8Array>; length: number | null },
  cuts: Cuts,
  see?: (chunk: Uint8Array) => void,
) {
  return watchBody(bodyReader(body, length), length, cuts, see);
}

/** A client that stays, and nothing that stops the stream, unless a test says otherwise. */
const present = (changes: Partial<Cuts> = {}): Cuts => ({
  clientGone: new AbortController().signal,
  stop: new AbortController().signal,
  endsCleanly: false,
  ...changes,
});

const whole = async (text: string) => ({ sha256: toBase64url(await sha256(utf8(text))), reason: null });

describe("a body that ends", () => {
  test.each<[string, string[]]>([
    ["no octets", []],
    ["one chunk", ["data: x\n\n"]],
    ["several chunks", ["a", "b", "\u00e9"]],
    ["a large one", ["a".repeat(1_000_000), "b".repeat(1_000_000)]],
  ])("%s: the same octets, and their digest", async (_, chunks) => {
    const watched = watch({ body: streamOf(...chunks.map(utf8)), length: null }, present());
    expect(await new Response(watched.body).text()).toBe(chunks.join(""));
    expect(await watched.end).toEqual(await whole(chunks.join("")));
  });
});

describe("a body whose length is known", () => {
  test("ends with its last octet: nothing more is waited for", async () => {
    const fed = handFed();
    const watched = watch({ body: fed.body, length: 6 }, present());
    fed.push(utf8("abc"));
    fed.push(utf8("def"));
    expect(await new Response(watched.body).text()).toBe("abcdef");
    expect(await watched.end).toEqual(await whole("abcdef"));
  });

  test("broken off before: an error, not an end", async () => {
    const watched = watch({ body: brokenAfter(utf8("abc")), length: 6 }, present());
    await expect(new Response(watched.body).text()).rejects.toThrow();
    expect(await watched.end).toEqual(BROKEN);
  });

  test("ended before: what came", async () => {
    const watched = watch({ body: streamOf(utf8("abc")), length: 6 }, present());
    expect(await new Response(watched.body).text()).toBe("abc");
    expect(await watched.end).toEqual(await whole("abc"));
  });

  test("stopped with its last octet on the way: it is whole", async () => {
    const fed = handFed();
    const stop = new AbortController();
    const watched = watch({ body: fed.body, length: 3 }, present({ stop: stop.signal }));
    const reader = watched.body.getReader();
    fed.push(utf8("abc"));
    expect((await reader.read()).value).toEqual(utf8("abc"));
    stop.abort("act.expired");
    expect((await reader.read()).done).toBe(true);
    expect(await watched.end).toEqual(await whole("abc"));
  });
});

describe("timing", () => {
  test("a chunk goes on before the next one is there", async () => {
    const fed = handFed();
    const watched = watch({ body: fed.body, length: null }, present());
    const reader = watched.body.getReader();
    for (const chunk of ["first", "second"]) {
      fed.push(utf8(chunk));
      expect(await reader.read()).toEqual({ done: false, value: utf8(chunk) });
    }
    fed.close();
    expect((await reader.read()).done).toBe(true);
    expect(await watched.end).toEqual(await whole("firstsecond"));
  });

  test("a client that does not read holds up the origin", async () => {
    let produced = 0;
    const endless = new ReadableStream<Uint8Array>({
      pull(controller) {
        produced += 1;
        controller.enqueue(utf8("x"));
      },
    });
    const watched = watch({ body: endless, length: null }, present());
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(produced).toBeLessThan(10);
    await watched.body?.cancel();
    expect(await watched.end).toEqual(CLIENT_GONE);
  });
});

describe("a body that is cut off", () => {
  test("by the client: the origin is told", async () => {
    const fed = handFed();
    const watched = watch({ body: fed.body, length: null }, present());
    const reader = watched.body.getReader();
    fed.push(utf8("x"));
    await reader.read();
    await reader.cancel("gone");
    expect(await watched.end).toEqual(CLIENT_GONE);
    await fed.cancelled;
  });

  test("by the client in the middle of a read: no error comes of it", async () => {
    const fed = handFed();
    const watched = watch({ body: fed.body, length: null }, present());
    const reader = watched.body.getReader();
    const read = reader.read();
    await reader.cancel("gone");
    expect(await read).toEqual({ done: true, value: undefined });
    expect(await watched.end).toEqual(CLIENT_GONE);
    await fed.cancelled;
  });

  test("by the client while the origin says nothing", async () => {
    const client = new AbortController();
    const fed = handFed();
    const watched = watch({ body: fed.body, length: null }, present({ clientGone: client.signal }));
    client.abort();
    expect(await watched.end).toEqual(CLIENT_GONE);
    fed.close();
  });

  test("by a client that had gone before", async () => {
    const fed = handFed();
    const watched = watch({ body: fed.body, length: null }, present({ clientGone: AbortSignal.abort() }));
    expect(await watched.end).toEqual(CLIENT_GONE);
    fed.close();
  });

  test.each([
    ["at once", () => brokenAfter()],
    ["after a chunk", () => brokenAfter(utf8("x"))],
  ])("by the origin, %s: an error, not an end", async (_, body) => {
    const watched = watch({ body: body(), length: null }, present());
    await expect(new Response(watched.body).text()).rejects.toThrow();
    expect(await watched.end).toEqual(BROKEN);
  });

  test.each([
    [true, "seems to end"],
    [false, "breaks"],
  ])("by us, where an end is no lie %s: it %s, and the origin is told", async (endsCleanly) => {
    const stop = new AbortController();
    const fed = handFed();
    const watched = watch({ body: fed.body, length: null }, present({ stop: stop.signal, endsCleanly }));
    const reader = watched.body.getReader();
    fed.push(utf8("x"));
    await reader.read();
    const pending = reader.read();
    stop.abort("act.expired");
    if (endsCleanly) expect((await pending).done).toBe(true);
    else await expect(pending).rejects.toThrow("act.expired");
    expect(await watched.end).toEqual({ sha256: null, reason: "act.expired" });
    await fed.cancelled;
  });

  test("by us, after its end: nothing more happens", async () => {
    const stop = new AbortController();
    const watched = watch(
      { body: streamOf(utf8("x")), length: null },
      present({ stop: stop.signal, endsCleanly: true }),
    );
    await new Response(watched.body).text();
    stop.abort("act.expired");
    expect((await watched.end).reason).toBeNull();
  });

  test("by a client that has it all, before its digest is there: it is whole", async () => {
    const client = new AbortController();
    const watched = watch(
      { body: streamOf(utf8("x".repeat(1_000_000))), length: null },
      present({ clientGone: client.signal }),
    );
    const reader = watched.body.getReader();
    while (!(await reader.read()).done);
    client.abort();
    expect(await watched.end).toEqual(await whole("x".repeat(1_000_000)));
  });

  test("an end that has come is not taken back", async () => {
    const client = new AbortController();
    const watched = watch(
      { body: streamOf(utf8("x")), length: null },
      present({ clientGone: client.signal }),
    );
    await new Response(watched.body).text();
    const end = await watched.end;
    client.abort();
    expect(await watched.end).toEqual(end);
    expect(end.reason).toBeNull();
  });
});
