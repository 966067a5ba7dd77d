import type { Bytes } from "../../protocol/bytes.ts";
import { copyString } from "../../storage/copy_string.ts";
import type { LiveStart } from "../common/live_change.ts";
import type { LivePlace } from "../../protocol/live_event_id.ts";
import {
  type OffsetSpace,
  type ReadFrom,
  spaceAt,
  type StreamOffset,
} from "../../protocol/offset.ts";

/** What a stream needs of the connection that follows it. */
export interface EntryConnection {
  /** Whether it is to get what is new. */
  readonly mayPush: boolean;
  /** Whether some of its streams wait for their turn. */
  readonly isBehind: boolean;
  /** Whether a stream's turn has come. */
  isReading(entry: LiveEntry): boolean;
  /** Has a stream read on when its turn comes. */
  wait(entry: LiveEntry): void;
  /** A stream's turn is over, and there is nothing more for it. */
  finishTurn(entry: LiveEntry): void;
  /** Gives turns to the streams that wait, as far as there is room. */
  takeTurns(): void;
  /** Queues an event for the end of the event loop's turn. */
  push(event: Bytes): void;
}

/** What reads a stream for all who follow it. */
export interface EntryTopic {
  /** Has the next chunk sent. */
  serve(entry: LiveEntry): void;
  /** Takes an entry out. */
  forget(entry: LiveEntry): void;
}

/** Who is told of what becomes of entries. */
export interface EntryOwner {
  /** Has the first chunk read and sent. */
  serveFirst(entry: LiveEntry): void;
  /** A stream can't be read on. */
  failed(entry: LiveEntry, error: unknown): void;
  /** Nothing more comes of it. */
  ended(entry: LiveEntry): void;
}

/** One stream that one connection follows: there are many, and each has no more than it needs. */
export class LiveEntry {
  readonly owner: EntryOwner;
  readonly connection: EntryConnection;
  readonly name: string;
  /** Where it begins. */
  readonly from: ReadFrom;
  /** Its client's own number. */
  readonly tag: number | undefined;
  /** Whether the request doesn't name it: it was added later, or a pattern took it in. */
  readonly isOther: boolean;
  /** That of its stream, once its first chunk has been read. */
  space: OffsetSpace | undefined;
  /** Everything before this has been sent. */
  position = 0;
  /** Whether nothing more comes of it. */
  hasEnded = false;
  /** Whether it may be read again later, so that a client that comes back has it begun again. */
  endedForNow = false;
  /** Where it is closed, once that was sent. */
  closedAt: StreamOffset | undefined;
  /** The stream's, once its first chunk has been read. */
  streamId: number | undefined;
  /** Whether it counts as one that is followed. */
  isCounted = false;
  /** Reads it, once its first chunk has been read. */
  topic: EntryTopic | undefined;

  constructor(
    owner: EntryOwner,
    connection: EntryConnection,
    { name, from, tag }: LiveStart,
    isOther: boolean,
  ) {
    this.owner = owner;
    this.connection = connection;
    this.name = copyString(name);
    this.from = from;
    this.tag = tag;
    this.isOther = isOther;
  }

  /** How far it was sent. */
  get place(): LivePlace {
    if (this.hasEnded && !this.endedForNow) return "ended";
    const { space, position } = this;
    return space === undefined ? "not begun" : { space: spaceAt(space, position), position };
  }

  /** Has the next chunk sent. */
  serve(): void {
    if (this.topic === undefined) this.owner.serveFirst(this);
    else this.topic.serve(this);
  }

  /** Tells its client why nothing more comes of it, and ends it. */
  fail(error: unknown): void {
    if (!this.hasEnded) this.owner.failed(this, error);
    this.end();
  }

  /** Ends it in its connection, which goes on. */
  end(): void {
    if (this.hasEnded) return;
    this.hasEnded = true;
    this.topic?.forget(this);
    this.owner.ended(this);
  }
}
