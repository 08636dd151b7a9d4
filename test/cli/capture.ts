import { vi } from "vitest";

export interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs a command in this process, which is quicker than a process of its own. */
export async function capture(
  run: (argv: readonly string[]) => Promise<number>,
  args: readonly string[],
): Promise<Ended> {
  const said = { log: [] as string[], error: [] as string[] };
  const spies = (["log", "error"] as const).map((name) =>
    vi.spyOn(console, name).mockImplementation((line) => void said[name].push(`${line}\n`)),
  );
  try {
    return { code: await run(args), out: said.log.join(""), err: said.error.join("") };
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
}
