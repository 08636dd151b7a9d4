import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, onTestFinished, test } from "vitest";

const MAIN = join(import.meta.dirname, "../../bench/throughput/main.ts");

test("the benchmark in miniature: every call is answered by the origin, and the figures have their form", async () => {
  const directory = await mkdtemp(join(tmpdir(), "bench-test-"));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const json = join(directory, "figures.json");
  const { stdout } = await promisify(execFile)(process.execPath, [
    MAIN,
    ...["--rounds", "1", "--calls", "64", "--latency-calls", "64", "--rest", "100"],
    ...["--only", "passthrough,floor,full", "--storage", "disk", "--json", json],
  ]);
  expect(stdout).toContain("(c) Countersign, full");

  const aRate = expect.any(Number);
  const aTurn = { throughput: aRate, p50: aRate, p99: aRate };
  const someTurns = [expect.objectContaining(aTurn)];
  const figures = JSON.parse(await readFile(json, "utf8"));
  expect(figures).toMatchObject({
    judged: "disk",
    storages: {
      disk: { rate: aRate, rounds: { passthrough: someTurns, floor: someTurns, full: someTurns } },
    },
    targets: { throughputFullToFloor: { bound: { atLeast: 0.9 }, isMet: expect.any(Boolean) } },
  });
  expect(figures.ratios).toEqual({
    throughputFullToFloor: aRate,
    throughputAttestedToFloor: null,
    p50FullToFloor: aRate,
    p99FullToFloor: aRate,
    throughputFullToNode: null,
  });
});
