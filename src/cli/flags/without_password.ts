/** What stands in messages for a secret. */
export const MASK = "***";

/** A text as messages show it: with `***` for the password of a URL in it. */
export function withoutPassword(text: string): string {
  return text.replaceAll(/(:\/\/[^/@\s:]*):[^/@\s]*@/g, `$1:${MASK}@`);
}
