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

/**
 * Work that is never under way twice at once. Whoever asks for it while it is has to wait for the next time, which is the same for
 * all of them: what they know of has happened before that begins, and no queue grows where the work is slow.
 */
export function shared<T>(work: () => Promise<T>): () => Promise<T> {
  const inTurn = turns();
  let next: Promise<T> | null = null;
  return () => {
    next ??= inTurn(() => {
      next = null;
      return work();
    });
    return next;
  };
}
