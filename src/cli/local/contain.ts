/** Keeps what miniflare and wrangler do to the whole process away from it. */

/**
 * Runs `start` without the signal handlers it leaves behind. Miniflare's end the process at once, before an
 * orderly stop is done, and wrangler has some too; what a signal means is for our caller to say.
 */
export function withoutSignalHandlers<T>(start: () => T): T {
  const events = ["SIGINT", "SIGTERM", "SIGHUP", "message"] as const;
  const before = new Map(events.map((event) => [event, new Set(process.listeners(event as "SIGINT"))]));
  const value = start();
  for (const [event, known] of before) {
    for (const listener of process.listeners(event as "SIGINT")) {
      if (!known.has(listener)) process.removeListener(event, listener);
    }
  }
  return value;
}

/** Miniflare keeps scratch files in a directory that is named once, here. In ours they do not outlive a crash. */
export function withTmpdir<T>(tmpdir: string, start: () => T): T {
  const before = process.env.TMPDIR;
  process.env.TMPDIR = tmpdir;
  try {
    return start();
  } finally {
    if (before === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = before;
  }
}
