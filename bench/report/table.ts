/** Tables and numbers as all commands print them. */

/** A Markdown table in columns of equal width. A column of numbers stands at the right. What a row lacks is empty. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((name, i) => Math.max(name.length, 3, ...rows.map((row) => row[i]?.length ?? 0)));
  const isRight = head.map((_, i) => rows.every((row) => /^([\d-]|$)/.test(row[i] ?? "")));
  const line = (cells: readonly string[]) => {
    const padded = widths.map((width, i) => (cells[i] ?? "")[isRight[i] ? "padStart" : "padEnd"](width));
    return `| ${padded.join(" | ")} |`;
  };
  const rule = widths.map((width, i) => (isRight[i] ? `${"-".repeat(width - 1)}:` : "-".repeat(width)));
  return [line(head), line(rule), ...rows.map(line)].join("\n");
}

/** With thousands separated, and so many digits behind the point. */
export const number = (value: number, digits = 0): string =>
  value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });

export const percent = (share: number, digits = 1): string => `${number(100 * share, digits)} %`;

/** Milliseconds, in seconds where they are many. */
export function duration(ms: number): string {
  if (Number.isNaN(ms)) return "-";
  return ms < 10_000 ? `${number(ms)} ms` : `${number(ms / 1000)} s`;
}
