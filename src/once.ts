/** Gives what `make` gives each time, which is made when it is first wanted. Where that throws, it is tried again the next time. */
export function once<T extends object>(make: () => T): () => T {
  let made: T | undefined;
  return () => {
    made ??= make();
    return made;
  };
}
