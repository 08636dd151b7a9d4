/**
 * Does one piece of work after the other, in the order in which they are given; one that fails does not keep the next from its
 * turn.
 */
export function turns(): <T>(work: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const result = last.then(work);
    last = result.catch(() => {});
    return result;
  };
}
