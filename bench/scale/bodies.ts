/** Bodies of tool calls of any size: with many values of many kinds, as of a tool that files what an agent has found. */

const ABSTRACT = "Tides along shallow coasts are asymmetric; models are compared with forty years of gauges.";

const paper = (i: number) => ({
  id: i,
  title: `Tidal asymmetry in estuary ${(7919 * i) % 1000}`,
  authors: ["A. Nowak", "B. Osei", "C. Müller"],
  year: 1990 + (i % 35),
  open: i % 3 === 0,
  score: (i % 97) / 8,
  abstract: ABSTRACT,
});

/** @returns JSON text of so many bytes, or up to one paper less, which has some 230 */
export function makeBody(bytes: number): string {
  const [head, tail] = [
    '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"search","arguments":{"papers":[',
    "]}}}",
  ];
  const papers: string[] = [];
  let free = bytes - head.length - tail.length;
  for (let i = 0; ; i++) {
    const next = JSON.stringify(paper(i));
    // With its comma.
    free -= Buffer.byteLength(next) + 1;
    if (free < 0) return `${head}${papers.join()}${tail}`;
    papers.push(next);
  }
}
