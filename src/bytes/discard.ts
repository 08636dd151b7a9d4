/**
 * Tells a sender that nobody reads on. What it sends may have ended or broken off meanwhile, which is nothing to anybody.
 */
export const discard = async (
  body: { cancel(reason?: unknown): Promise<void> } | null,
  reason?: unknown,
): Promise<void> => {
  await body?.cancel(reason).catch(() => {});
};
