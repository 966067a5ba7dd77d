/**
 * Aborts `controller` as soon as one of the signals is aborted, with its reason.
 *
 * @returns ends that, so that nothing stays on signals that live longer
 */
export function linkAborts(
  signals: readonly (AbortSignal | undefined)[],
  controller: AbortController,
): () => void {
  const ends: (() => void)[] = [];
  for (const signal of signals) {
    if (signal === undefined) continue;
    const onAbort = () => controller.abort(signal.reason);
    if (signal.aborted) onAbort();
    signal.addEventListener("abort", onAbort);
    ends.push(() => signal.removeEventListener("abort", onAbort));
  }
  return () => {
    for (const end of ends) end();
  };
}
