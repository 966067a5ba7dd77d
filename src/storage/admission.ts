/** What a command is about to do: a full or busy storage turns some away and lets others through. */
export type CommandKind = "write" | "delete";

/** Decides which commands get in, before anything of them is decided. */
export interface Admission {
  /**
   * Lets a command in, or refuses it. A promise where it has to wait first, and ask again then.
   *
   * @param bytes what the command brings
   * @throws {StreamError} `overloaded`, `storage_full`, `storage_failed`, `storage_closed`
   */
  admit(kind: CommandKind, bytes: number): Promise<void> | undefined;
  /**
   * Refuses a delete that nobody asked for, an expiry, and that comes without being let in, where it
   * would have to wait.
   *
   * @throws {StreamError} `overloaded`, `storage_full`
   */
  checkUnadmitted(): void;
}
