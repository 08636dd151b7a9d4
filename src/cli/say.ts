/** Prints to standard output; returns the exit code. */
export function tell(code: number, ...lines: string[]): number {
  console.log(lines.join("\n"));
  return code;
}

/** Prints to standard error; returns the exit code. */
export function complain(code: number, ...lines: string[]): number {
  console.error(lines.join("\n"));
  return code;
}

/** One line of what others have written, in a file or an answer: it cannot tell the terminal what to do. */
export const printable = (line: string): string =>
  line.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (c) => `\\u{${c.codePointAt(0)?.toString(16)}}`);

/** Why a file cannot be read or written, for the user; anything else is a bug, and is thrown again. */
export function whyNot(file: string, what: "read" | "written", error: unknown): string {
  if (!(error instanceof Error && "syscall" in error)) throw error;
  return `${file}: cannot be ${what}: ${error.message}`;
}
