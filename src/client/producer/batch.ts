import type { Bytes } from "../../protocol/bytes.ts";

/** The result for a stored message. */
export interface Stored {
  /**
   * The tail when the server acknowledged the message's batch: at or past the message's end. `undefined`
   * if the server had the batch already and didn't give the tail (PROTOCOL §5.2.1).
   */
  offset: string | undefined;
}

/** The receipt for a message that a producer accepted. */
export interface Receipt {
  /**
   * Resolves when the server has the message; rejects with a `ClientError` whose `undelivered` says
   * whether this message is lost or unknown, or with the reason of the producer's signal. It doesn't have
   * to be awaited.
   */
  readonly stored: Promise<Stored>;
}

type Outcome = { stored: Stored } | { error: unknown };

/** The receipt shared by all messages of a batch: they are stored together or not at all. */
export class BatchReceipt implements Receipt {
  #outcome: Outcome | undefined;
  #settle: ((outcome: Outcome) => void) | undefined;
  #promise: Promise<Stored> | undefined;

  /** Created on demand, since few callers await every message. */
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

  /** Sets the outcome of the batch, once. */
  settle(outcome: Outcome): void {
    this.#outcome = outcome;
    this.#settle?.(outcome);
  }
}

const OVERHEAD_BYTES = 256;

/** One request of a producer, and its state. */
export class ProducerBatch {
  readonly receipt: BatchReceipt;
  readonly body: Bytes;
  /** How many messages `body` holds. */
  readonly messages: number;
  /** The batch also closes the stream; then it may have no message. */
  readonly close: boolean;
  /** `Producer-Seq`; changes only when another epoch is claimed. */
  seq = 0;
  /** An attempt is in flight. */
  isSending = false;
  /** An attempt ended without a response that rules out that it was stored. */
  isOutcomeUnknown = false;

  constructor(parts: { receipt: BatchReceipt; body: Bytes; messages: number; close: boolean }) {
    this.receipt = parts.receipt;
    this.body = parts.body;
    this.messages = parts.messages;
    this.close = parts.close;
  }

  /** Its share of `maxBufferedBytes`: the body and an estimated overhead. */
  get bytes(): number {
    return this.body.length + OVERHEAD_BYTES;
  }

  /** Whether the server may have it, judged by this batch alone. */
  get mayBeStored(): boolean {
    return this.isSending || this.isOutcomeUnknown;
  }
}
