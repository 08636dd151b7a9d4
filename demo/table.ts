/** A cell is cut here, so that a row fits a wide terminal. */
const MAX_CELL = 52;

const cut = (cell: string): string => {
  const line = cell.replaceAll(/\s+/g, " ");
  return line.length <= MAX_CELL ? line : `${line.slice(0, MAX_CELL - 1)}…`;
};

/** Rows in columns of equal width, for a terminal. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [head, ...rows].map((row) => row.map(cut));
  const widths = head.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  const text = lines.map((line) =>
    line
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd(),
  );
  return [text[0], widths.map((width) => "-".repeat(width)).join("  "), ...text.slice(1)].join("\n");
}
