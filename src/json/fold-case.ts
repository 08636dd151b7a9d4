/**
 * By way of capitals, so that U+017F (long s), which Go's parser takes for s, becomes s. Up to a NUL, where a parser
 * in C may end the name.
 */
export const foldCase = (key: string): string => (key.split("\0")[0] ?? "").toUpperCase().toLowerCase();
