import { type Follower, type JetStream, type StoredMessage } from "../jetstream.ts";

/** Messages whose handling may not be waited for are given up so. */
type Gate = PromiseWithResolvers<void>;

/**
 * Follows the data log of a shard without payloads. While a state is made anew it stops where it is told to,
 * so that what appends did comes between the same records as the first time.
 */
export class ShardFollower {
  /** All messages up to this one have been handled. */
  position: number;
  readonly #follower: Follower;
  readonly #onMessage: (message: StoredMessage) => void;
  #limit: number;
  #gate: Gate = Promise.withResolvers();
  /** Sequence of the message that waits at the limit. */
  #held: number | undefined;
  #onHeld: Gate = Promise.withResolvers();
  #isStopped = false;
  #caughtUp: Promise<void> | undefined;

  /** @param position messages up to this one have been handled before */
  constructor(
    jetStream: JetStream,
    place: { readonly log: string; readonly subject: string },
    position: number,
    onMessage: (message: StoredMessage) => void,
  ) {
    this.position = position;
    this.#limit = position;
    this.#onMessage = onMessage;
    this.#follower = jetStream.follow(
      { ...place, fromSequence: position + 1, headersOnly: true },
      (message) => this.#take(message),
    );
  }

  /** Handles all messages up to one, which has been stored, and no more. */
  async advanceTo(sequence: number): Promise<void> {
    if (sequence <= this.position) return;
    this.#openTo(sequence);
    const caughtUp = this.#caughtUp ??= this.#follower.caughtUp();
    for (;;) {
      if (this.#isStopped || (this.#held !== undefined && this.#held > sequence)) break;
      const onHeld = this.#onHeld.promise.then(() => false);
      if (await Promise.race([onHeld, caughtUp.then(() => true)])) break;
    }
    this.position = Math.max(this.position, sequence);
  }

  /** From now on messages are handled as they come. */
  release(): void {
    this.#openTo(Infinity);
    this.#caughtUp = undefined;
  }

  /**
   * Resolves when all that was stored before the call has been handled.
   *
   * @throws {JetStreamError} `unavailable`
   */
  caughtUp(): Promise<void> {
    return this.#follower.caughtUp();
  }

  /** Nothing is handled any more. */
  stop(): void {
    this.#isStopped = true;
    this.#openTo(Infinity);
    this.#onHeld.resolve();
    this.#caughtUp?.catch(() => {});
    void this.#follower.stop();
  }

  #openTo(sequence: number): void {
    this.#limit = sequence;
    const gate = this.#gate;
    this.#gate = Promise.withResolvers();
    gate.resolve();
  }

  async #take(message: StoredMessage): Promise<void> {
    while (message.sequence > this.#limit && !this.#isStopped) {
      this.#held = message.sequence;
      const onHeld = this.#onHeld;
      this.#onHeld = Promise.withResolvers();
      onHeld.resolve();
      await this.#gate.promise;
    }
    this.#held = undefined;
    if (this.#isStopped || message.sequence <= this.position) return;
    this.position = message.sequence;
    this.#onMessage(message);
  }
}
