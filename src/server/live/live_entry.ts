import type { Bytes } from "../../protocol/bytes.ts";
import type { LiveStart } from "../common/live_change.ts";
import type { LivePlace } from "../../protocol/live_event_id.ts";
import { isOffset, type OffsetSpace, type ReadFrom, spaceAt } from "../../protocol/offset.ts";
import type { ReadResult } from "../../storage/storage.ts";

/** What a stream needs of the connection that follows it. */
export interface EntryConnection {
  /** Whether its client has room for more, and it isn't over. */
  readonly hasRoom: boolean;
  /** Whether it is to get what is new: there is room, and its client's limits let it. */
  readonly mayPush: boolean;
  /** Whether some of its streams wait for their turn. */
  readonly isBehind: boolean;
  /** Has a stream read on when its turn comes. */
  wait(entry: LiveEntry): void;
  /** A stream's turn is over, and there is nothing more for it. */
  finishTurn(entry: LiveEntry): void;
  /** Gives turns to the streams that wait, as far as there is room. */
  takeTurns(): void;
  /** Queues an event for the end of the event loop's turn. */
  push(event: Bytes): void;
  /** Has the first chunk of a stream read, for {@link begin}. */
  readFirst(entry: LiveEntry): void;
  /** Has its first chunk sent, and what follows from then on. */
  begin(entry: LiveEntry, first: ReadResult): void;
  /** A stream can't be read on. */
  failed(entry: LiveEntry, error: unknown): void;
  /** Nothing more comes of a stream. @param closedAt where it is closed, once that was sent */
  ended(entry: LiveEntry, closedAt?: number): void;
}

/** What reads a stream for all who follow it. */
export interface EntryTopic {
  /** The stream's. */
  readonly id: number;
  readonly space: OffsetSpace;
  /** Has the next chunk sent. */
  serve(entry: LiveEntry): void;
  /** Takes an entry out. */
  forget(entry: LiveEntry): void;
}

/** Whether a stream waits for its turn to be read, where its connection isn't up to date. */
export type EntryTurn = "none" | "waiting" | "reading";

/** One stream that one connection follows: there are many, and each has no more than it needs. */
export class LiveEntry {
  readonly connection: EntryConnection;
  readonly name: string;
  /** Where it begins. */
  from: ReadFrom;
  /** Its client's own number. */
  readonly tag: number | undefined;
  /** Whether the request doesn't name it: it was added later, or a pattern took it in. */
  readonly isOther: boolean;
  /** Everything before this has been sent. */
  position = 0;
  /** Its place among its topic's entries. */
  index = 0;
  turn: EntryTurn = "none";
  /** Whether nothing more comes of it. */
  hasEnded = false;
  /** Whether it may be read again later, so that a client that comes back has it begun again. */
  endedForNow = false;
  /** Reads it, once its first chunk has been read. */
  topic: EntryTopic | undefined;

  /** @param name one that keeps nothing else alive */
  constructor(
    connection: EntryConnection,
    name: string,
    { from, tag }: Omit<LiveStart, "name">,
    isOther: boolean,
  ) {
    this.connection = connection;
    this.name = name;
    this.from = from;
    this.tag = tag;
    this.isOther = isOther;
  }

  /** The stream's, once its first chunk has been read. */
  get streamId(): number | undefined {
    return this.topic?.id;
  }

  /** How far it was sent. */
  get place(): LivePlace {
    if (this.hasEnded && !this.endedForNow) return "ended";
    const { topic, position, from } = this;
    if (topic !== undefined) return { space: spaceAt(topic.space, position), position };
    // A client that comes back has been further than where its request would have it begin.
    return isOffset(from) && typeof from === "object" ? from : "not begun";
  }

  /** Has the next chunk sent. */
  serve(): void {
    if (this.topic === undefined) this.connection.readFirst(this);
    else this.topic.serve(this);
  }

  /** Its first chunk has been read. */
  begin(topic: EntryTopic, position: number): void {
    this.topic = topic;
    this.position = position;
    // It isn't read from there again: many a place is an object of its own.
    this.from = position;
  }

  /** Tells its client why nothing more comes of it, and ends it. */
  fail(error: unknown): void {
    if (!this.hasEnded) this.connection.failed(this, error);
    this.end();
  }

  /** Ends it in its connection, which goes on. */
  end(closedAt?: number): void {
    if (this.hasEnded) return;
    this.hasEnded = true;
    this.topic?.forget(this);
    this.connection.ended(this, closedAt);
  }
}
