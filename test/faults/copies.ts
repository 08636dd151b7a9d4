/** 10,000 copies of one request, each over a connection of its own, in waves: one is admitted. */

import { type Answer, Connection, exchange } from "../socket/raw.ts";
import { examine } from "./log.ts";
import { openPlace } from "./place.ts";
import { countOf, type Report, type Scenario, sizeOf } from "./report.ts";
import { fateOf, signCall } from "./traffic.ts";

/** Each connection takes three descriptors here and two of workerd, which has 20,000 at the most. */
const WAVE = 4_000;

export const copies: Scenario = {
  name: "copies",
  run: () => sendCopies(sizeOf("FAULTS_COPIES", 10_000), Math.min(sizeOf("FAULTS_WAVE", WAVE), WAVE)),
};

export async function sendCopies(number: number, wave: number): Promise<Report> {
  const place = await openPlace();
  try {
    const { url, reader } = place.scene;
    const call = await signCall(place, reader);
    const answers: (Answer | null)[] = [];
    for (let left = number; left > 0; left -= wave)
      answers.push(...(await sendAtOnce(url, call.bytes, Math.min(wave, left))));
    call.answer = answers.find((answer) => fateOf(call, answer) === "served") ?? null;
    // It has come through it, and serves the next call.
    const next = await signCall(place, reader);
    next.answer = await exchange(url, next.bytes);

    const found = await examine(place, [call, next]);
    const { served = 0, ...refused } = countOf(answers.map((answer) => fateOf(call, answer)));
    const unclean = Object.entries(refused).filter(([fate]) => !/^(403 replay\.|429 |503 )/.test(fate));
    return {
      counts: { ...found.counts, requests: number + 1 },
      shown: { ...found.shown, served, ...refused },
      faults: [
        ...found.faults,
        ...(served === 1 ? [] : [`${served} of the copies were served`]),
        ...(fateOf(next) === "served" ? [] : [`the next call was answered with ${fateOf(next)}`]),
        ...unclean.map(([fate, n]) => `${n} copies were answered with ${fate}`),
      ],
    };
  } finally {
    await place.close();
  }
}

/** Every connection stands before the first byte is sent. */
async function sendAtOnce(url: string, bytes: Buffer, number: number): Promise<(Answer | null)[]> {
  const connections = await Promise.all(Array.from({ length: number }, () => Connection.open(url)));
  for (const connection of connections) connection.write(bytes);
  return Promise.all(
    connections.map(async (connection) => {
      const answer = await connection.answer().catch(() => null);
      // No port is left waiting for what an ended connection might still bring.
      connection.reset();
      return answer;
    }),
  );
}
