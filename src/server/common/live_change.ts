import type { ReadFrom } from "../../protocol/offset.ts";

/** A stream, and where it is to be followed from. */
export interface LiveStart {
  readonly name: string;
  readonly from: ReadFrom;
  /** Its client's own number, which the events that say how it began have too. */
  readonly tag?: number | undefined;
}

/** A change of what a connection follows: plain data, which may go to another thread. */
export interface LiveChange {
  /** The connection's id. */
  readonly connection: string;
  /** Who wants it, where a permit says so. */
  readonly subject: string | undefined;
  readonly add: readonly LiveStart[];
  readonly remove: readonly string[];
}

/** Changes a connection that another thread may have; false where none has it. */
export type ShareLiveChange = (change: LiveChange) => Promise<boolean>;
