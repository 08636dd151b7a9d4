/** All files of the workerd project share one runtime: each begins with empty storage and a migrated D1. */

import { applyD1Migrations, reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeAll } from "vitest";

beforeAll(async () => {
  await reset();
  await applyD1Migrations(env.AUDIT, env.TEST_MIGRATIONS);
});
