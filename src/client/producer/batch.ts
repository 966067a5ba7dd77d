import type { Bytes } from "../../protocol/bytes.ts";

/** What a stored message came to. */
export interface Stored {
  /**
   * The tail when the server acknowledged the message's batch: at or past the message's end. `undefined`
   * where the server had the batch already and didn't say where the tail is (PROTOCOL §5.2.1).
   */
  offset: string | undefined;
}

/** A message that a producer took. */
export interface Receipt {
  /**
   * Resolves when the server has the message; rejects with a `ClientError` whose `undelivered` says
   * whether this message is lost or unknown, or with the reason of the producer's signal. Nobody has
   * to look at it.
   */
  readonly stored: Promise<Stored>;
}

type Outcome = { stored: Stored } | { error: unknown };

/** The one receipt of all messages of a batch: they are stored together or not at all. */
export class BatchReceipt implements Receipt {
  #outcome: Outcome | undefined;
  #settle: ((outcome: Outcome) => void) | undefined;
  #promise: Promise<Stored> | undefined;

  /** Made when somebody asks, since hardly anybody does for every message. */
  get stored(): Promise<Stored> {
    if (this.#promise === undefined) {
      this.#promise = new Promise((resolve, reject) => {
        this.#settle = (outcome) => {
          if ("stored" in outcome) resolve(outcome.stored);
          else reject(outcome.error);
        };
      });
      this.#promise.catch(() => {});
      if (this.#outcome !== undefined) this.#settle?.(this.#outcome);
    }
    return this.#promise;
  }

  /** Notes what became of the batch, once. */
  settle(outcome: Outcome): void {
    this.#outcome = outcome;
    this.#settle?.(outcome);
  }
}

const OVERHEAD_BYTES = 256;

/** One request of a producer, and what is known about it. */
export class ProducerBatch {
  readonly receipt: BatchReceipt;
  readonly body: Bytes;
  /** How many messages `body` holds. */
  readonly messages: number;
  /** The batch closes the stream too; then there may be no message. */
  readonly close: boolean;
  /** `Producer-Seq`; changes only when another epoch is claimed. */
  seq = 0;
  /** An attempt is under way. */
  isSending = false;
  /** An attempt ended without an answer that says it was not stored. */
  isOutcomeUnknown = false;

  constructor(parts: { receipt: BatchReceipt; body: Bytes; messages: number; close: boolean }) {
    this.receipt = parts.receipt;
    this.body = parts.body;
    this.messages = parts.messages;
    this.close = parts.close;
  }

  /** What it counts for in `maxBufferedBytes`: its body, and a guess at what keeping it costs. */
  get bytes(): number {
    return this.body.length + OVERHEAD_BYTES;
  }

  /** Whether the server may have it, as far as this batch alone tells. */
  get mayBeStored(): boolean {
    return this.isSending || this.isOutcomeUnknown;
  }
}
