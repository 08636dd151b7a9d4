import { cloudflareTest, readD1Migrations } from "@cloudflare/vitest-plugin";
import { defineConfig } from "vitest/config";
import { SIGNING_KEYS } from "./src/cli/local/secrets.ts";

/** What needs Node: real sockets, child processes, other people's files and packages. */
const NODE_TESTS = [
  "test/socket/**/*.test.ts",
  "test/bench/**/*.test.ts",
  "test/clients/**/*.test.ts",
  "test/interop/**/*.test.ts",
  "test/hostile/**/*.test.ts",
  "test/cli/**/*.test.ts",
  "test/vectors/**/*.test.ts",
  "test/faults/**/*.test.ts",
];

export default defineConfig({
  test: {
    projects: [
      {
        // Everything else runs in workerd, with the bindings of wrangler.toml. A runtime for each file would take
        // seconds: files run one after the other in one, module state is shared, storage is not (setup.ts).
        plugins: [
          cloudflareTest(async () => ({
            wrangler: { configPath: "./wrangler.toml" },
            miniflare: {
              bindings: {
                GATEWAY_URL: "http://gateway.test",
                SESSION_KEYS: `test:${"A".repeat(43)}`,
                SIGNING_KEYS: SIGNING_KEYS.make(),
                TEST_MIGRATIONS: await readD1Migrations("src/audit/migrations"),
              },
            },
          })),
        ],
        test: {
          name: "workerd",
          include: ["test/**/*.test.ts"],
          exclude: NODE_TESTS,
          setupFiles: ["test/setup.ts"],
          isolate: false,
          testTimeout: 30_000,
          hookTimeout: 60_000,
          maxWorkers: 1,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: "node",
          include: NODE_TESTS,
          // These mostly wait for sockets, processes and time, so four files share even a small machine well. Files that come one after the
          // other in one process load wrangler once, which is a third of all work.
          maxWorkers: 4,
          isolate: false,
          sequence: { groupOrder: 1 },
          testTimeout: 60_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
