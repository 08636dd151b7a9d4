import { expect, test } from "vitest";
import { streamOf } from "../../src/bytes/stream-of.ts";
import { utf8 } from "../../src/encoding.ts";

/** Yields letters, and notes how far it came. */
async function* letters(notes: string[], fault?: Error): AsyncGenerator<Uint8Array> {
  try {
    for (const letter of ["a", "b", "c"]) {
      notes.push(letter);
      yield utf8(letter);
    }
    if (fault !== undefined) throw fault;
  } finally {
    notes.push("over");
  }
}

test("all pieces in order, each when it is asked for", async () => {
  const notes: string[] = [];
  const stream = streamOf(letters(notes));
  expect(notes).toEqual([]);
  expect(await new Response(stream).text()).toBe("abc");
  expect(notes).toEqual(["a", "b", "c", "over"]);
});

test("what breaks the generator breaks the stream", async () => {
  await expect(new Response(streamOf(letters([], new Error("broken")))).text()).rejects.toThrow("broken");
});

test("who stops reading stops the generator", async () => {
  const notes: string[] = [];
  const reader = streamOf(letters(notes)).getReader();
  await reader.read();
  await reader.cancel();
  expect(notes).toEqual(["a", "over"]);
});
