import { vi } from "vitest";

/** Runs a command in this process: its exit code, and what it printed. */
export async function captured(
  command: () => Promise<number>,
): Promise<{ readonly code: number; readonly out: string; readonly err: string }> {
  const [out, err]: [string[], string[]] = [[], []];
  const log = vi.spyOn(console, "log").mockImplementation((text) => void out.push(`${text}\n`));
  const error = vi.spyOn(console, "error").mockImplementation((text) => void err.push(`${text}\n`));
  try {
    const code = await command();
    return { code, out: out.join(""), err: err.join("") };
  } finally {
    log.mockRestore();
    error.mockRestore();
  }
}
