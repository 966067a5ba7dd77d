/** The message of an error, as a part of another message. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
