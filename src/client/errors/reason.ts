/** What an error says, for a message that goes on with it. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
