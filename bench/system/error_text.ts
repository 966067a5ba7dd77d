/**
 * An error as one line for a result file: a server's complaint may name the directories of this
 * machine, of which only the files' names are kept.
 */
export function errorText(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.replaceAll(/\s+/g, " ").replaceAll(
    /(?<![\w.])(?:file:\/\/)?(?:\/[\w.@+-]+)+\/([\w.@+-]+)/g,
    "…/$1",
  );
}
