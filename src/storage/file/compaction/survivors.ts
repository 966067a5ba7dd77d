import type { KeyTable } from "../../compaction/key_table.ts";
import type { MessageKeys } from "../../compaction/message_key.ts";
import type { ScannedMessage } from "./segment_scan.ts";

/** What decides which messages stay. */
export interface SurvivorsParts {
  readonly keys: MessageKeys;
  /** The newest positions of those keys of which older messages are to go. */
  readonly newest: KeyTable;
  /**
   * Deletions that came before this may go, in ms since 1970, where nothing that they delete can stay:
   * `-Infinity` where something older isn't looked at.
   */
  readonly deletionsBeforeMs: number;
}

/**
 * Which messages stay: the newest one of each key, deletions for as long as they are kept, and all without a
 * key. What goes has a newer message of its key, or is a deletion of which nothing older is left.
 */
export class Survivors {
  readonly #parts: SurvivorsParts;
  /** Keys of which an older message had to stay: their deletions stay with it. */
  readonly #held = new Set<string>();

  constructor(parts: SurvivorsParts) {
    this.#parts = parts;
  }

  /**
   * Whether a message stays. Asked in their order.
   *
   * @param isLast it is its segment's last one, which always stays: where the segment ends is where its last
   * block does
   */
  stays({ bytes, start, position, atMs }: ScannedMessage, isLast: boolean): boolean {
    const { keys, newest, deletionsBeforeMs } = this.#parts;
    if (!keys.read(bytes, start)) return true;
    const known = newest.get(keys.hash);
    if (known === undefined) return true;
    if (position < known) {
      if (isLast) this.#held.add(keys.hash.join());
      return isLast;
    }
    if (isLast || atMs >= deletionsBeforeMs || !keys.isDeletion) return true;
    // Of one whose key isn't in the table something older may be left.
    return position > known || this.#held.has(keys.hash.join());
  }
}
