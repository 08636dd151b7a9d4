/**
 * Tells a sender that nobody reads its body. It may have broken off meanwhile, which rejects and is nothing to anybody.
 */
export const discard = async (body: { cancel(): Promise<void> } | null): Promise<void> => {
  await body?.cancel().catch(() => {});
};
