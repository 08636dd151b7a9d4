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
