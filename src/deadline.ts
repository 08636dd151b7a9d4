/** Waits for an answer at most `ms` milliseconds, then rejects. What was asked goes on; its answer is dropped. */
export function withDeadline<T>(answer: Promise<T>, ms: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error("deadline passed")), ms);
    const inTime =
      <V>(settle: (value: V) => void) =>
      (value: V): void => {
        clearTimeout(timer);
        settle(value);
      };
    answer.then(inTime(resolve), inTime(reject));
  });
}
