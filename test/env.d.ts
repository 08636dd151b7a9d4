/// <reference types="@cloudflare/vitest-plugin/types" />

/** What the tests have beside the Worker's own bindings. */
declare namespace Cloudflare {
  interface Env {
    TEST_MIGRATIONS: import("@cloudflare/vitest-plugin").D1Migration[];
  }
}
