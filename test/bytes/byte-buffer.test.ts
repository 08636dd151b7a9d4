import { expect, test } from "vitest";
import { ByteBuffer } from "../../src/bytes/byte-buffer.ts";

/** Takes one more octet. */
const WAYS: readonly [string, (buffer: ByteBuffer) => void][] = [
  ["pushed", (buffer) => buffer.push(Uint8Array.of(1))],
  ["read into lent room", (buffer) => buffer.giveBack(buffer.lend(100).subarray(0, 1))],
];

const SAID: readonly [string, number | undefined][] = [
  ["nobody said how many there will be", undefined],
  ["as many were said", 10_000],
  ["fewer were said", 10],
];

test.each(
  WAYS.flatMap(([way, take]) => SAID.map(([said, expected]) => [way, said, take, expected] as const)),
)("copying stays linear where octets are %s one by one, and %s", (_way, _said, take, expected) => {
  const buffer = new ByteBuffer(expected);
  const rooms = new Set<ArrayBuffer>();
  for (let i = 0; i < 10_000; i++) {
    take(buffer);
    rooms.add(buffer.bytes.buffer);
  }
  expect(buffer.bytes).toEqual(new Uint8Array(10_000).fill(buffer.bytes[0] ?? 0));
  // With every new one, all that was there is copied: it is twice as large.
  expect(rooms.size).toBeLessThan(20);
});
