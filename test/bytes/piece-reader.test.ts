import { expect, test } from "vitest";
import { pieceReader } from "../../src/bytes/piece-reader.ts";
import { utf8 } from "../../src/encoding.ts";
import { handFed, streamOf } from "../support/streams.ts";

/** A stream of the runtime's own, as bodies are. */
const native = (text: string) => new Response(text).body ?? streamOf();

async function pieces(stream: ReadableStream<Uint8Array>, wanted: { size: number; atLeast: number }) {
  const reader = pieceReader(stream);
  const lengths: number[] = [];
  for (let piece = await reader.read(wanted); piece !== undefined; piece = await reader.read(wanted)) {
    lengths.push(piece.length);
  }
  // It stays at its end.
  expect(await reader.read(wanted)).toBeUndefined();
  return lengths;
}

test.each([
  [10, { size: 4, atLeast: 4 }, [4, 4, 2]],
  [10, { size: 5, atLeast: 5 }, [5, 5]],
  [10, { size: 100, atLeast: 100 }, [10]],
  [10, { size: 100, atLeast: 1 }, [10]],
  [0, { size: 100, atLeast: 100 }, []],
  [200_000, { size: 65_536, atLeast: 65_536 }, [65_536, 65_536, 65_536, 3_392]],
])("%i octets of a byte stream, wanted as %o", async (octets, wanted, expected) => {
  expect(await pieces(native("a".repeat(octets)), wanted)).toEqual(expected);
});

test("another stream gives what it has", async () => {
  expect(await pieces(streamOf(utf8("abc"), utf8("de")), { size: 1, atLeast: 1 })).toEqual([3, 2]);
});

test("each piece has octets of its own", async () => {
  const reader = pieceReader(native("abcd"));
  const first = await reader.read({ size: 2, atLeast: 2 });
  const second = await reader.read({ size: 2, atLeast: 2 });
  expect([first, second]).toEqual([utf8("ab"), utf8("cd")]);
});

test("the sender is told that nobody reads on", async () => {
  const fed = handFed();
  await pieceReader(fed.body).cancel("enough");
  await fed.cancelled;
});
