/** What may be done: with streams, with what follows them, and with the server. */
export const VERBS = [
  "read",
  "append",
  "create",
  "close",
  "delete",
  "list",
  "subscribe",
  "admin",
] as const;

/** One of {@link VERBS}. */
export type Verb = (typeof VERBS)[number];

/** Whether a word is a verb. */
export function isVerb(word: string): word is Verb {
  return VERBS.some((verb) => verb === word);
}
