/**
 * Aborts `controller` as soon as one of the signals is aborted, with its reason.
 *
 * @returns removes the listeners, so that none stays on signals that live longer
 */
export function linkAborts(
  signals: readonly (AbortSignal | undefined)[],
  controller: AbortController,
): () => void {
  const unlinks: (() => void)[] = [];
  for (const signal of signals) {
    if (signal === undefined) continue;
    const onAbort = () => controller.abort(signal.reason);
    if (signal.aborted) onAbort();
    signal.addEventListener("abort", onAbort);
    unlinks.push(() => signal.removeEventListener("abort", onAbort));
  }
  return () => {
    for (const unlink of unlinks) unlink();
  };
}
