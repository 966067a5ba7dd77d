import type { LiveSource, SseGroup } from "./sse_connection.ts";

/** So much may lie unread for one reader: then its stream is followed anew, once it has been read. */
const QUEUE_LIMIT_BYTES = 1024 * 1024;

/** One reader's part of a connection that several share. */
export class LiveFollower implements LiveSource {
  readonly startMs: number;
  hasControl = false;
  isSilent = false;
  isExpired = false;
  isMidEvent = false;
  isHandedOver = false;
  readonly #onCancel: (follower: LiveFollower) => void;
  #groups: SseGroup[] = [];
  #queuedBytes = 0;
  #error: unknown;
  #isOver = false;
  #wake: () => void = () => {};

  /** @param onCancel called once its reader has no more use for it */
  constructor(startMs: number, onCancel: (follower: LiveFollower) => void) {
    this.startMs = startMs;
    this.#onCancel = onCancel;
  }

  /** Whether nothing more can be given to it. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Whether more lies unread than may. */
  get isFull(): boolean {
    return this.#queuedBytes > QUEUE_LIMIT_BYTES;
  }

  async next(): Promise<SseGroup | undefined> {
    while (true) {
      const group = this.#groups.shift();
      if (group !== undefined) {
        this.#queuedBytes -= bytesOf(group);
        this.hasControl = true;
        return group;
      }
      if (this.#error !== undefined) throw this.#error;
      if (this.#isOver) return undefined;
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }

  cancel(): void {
    this.#groups = [];
    this.end();
    this.#onCancel(this);
  }

  /** Gives it what has come. */
  push(group: SseGroup): void {
    this.#groups.push(group);
    this.#queuedBytes += bytesOf(group);
    this.#wake();
  }

  /** Ends it once what it has was read. */
  end(error?: unknown): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#error = error;
    this.#wake();
  }

  /** Ends it, for its reader to go on by another connection. */
  handOver(): void {
    this.isHandedOver = true;
    this.end();
  }
}

function bytesOf({ bodies }: SseGroup): number {
  return bodies.reduce((total, { length }) => total + length, 0);
}
