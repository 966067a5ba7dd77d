import type { Clock } from "../../../env/clock.ts";
import { Backoff } from "../../../env/backoff.ts";
import { SYNC_SECONDS } from "../../../metrics/buckets.ts";
import { Histogram } from "../../../metrics/histogram.ts";
import { StreamError } from "../../../protocol/errors.ts";
import type { JetStream, NewMessage, PublishOutcome } from "../jetstream.ts";
import type { NatsSettings } from "../options.ts";
import { ClusterHealth } from "./cluster_health.ts";
import { pause } from "./pause.ts";
import { outcomeUnknown, sentence, unreachable } from "./unreachable.ts";

/** What came of a publish in the end. */
export type Published =
  | { readonly kind: "stored"; readonly sequence: number }
  /**
   * Another message is the subject's newest, or was under way: this one is not stored by this attempt and
   * never will be. With `mayBeOurs` it may be an earlier attempt at this very message.
   */
  | {
    readonly kind: "refused";
    readonly lastSequence: number | undefined;
    readonly mayBeOurs: boolean;
  }
  | { readonly kind: "failed"; readonly error: StreamError; readonly mayBeStored: boolean };

/** What has become of publishes, for metrics. */
export interface PublishCounts {
  stored: number;
  refused: number;
  unknown: number;
  unavailable: number;
}

/** Publishes until the outcome is known, or for too long. */
export class Publisher {
  readonly counts: PublishCounts = { stored: 0, refused: 0, unknown: 0, unavailable: 0 };
  readonly health: ClusterHealth;
  /** How long those took that were stored, all their attempts. */
  readonly durationSeconds = new Histogram(SYNC_SECONDS);
  readonly #jetStream: JetStream;
  readonly #clock: Clock;
  readonly #settings: NatsSettings;

  constructor(settings: NatsSettings) {
    this.#jetStream = settings.jetStream;
    this.#clock = settings.clock;
    this.#settings = settings;
    this.health = new ClusterHealth(settings.clock);
  }

  /**
   * Publishes messages of one subject, all or none. Each carries its subject's newest sequence as its
   * expectation, so that the same ones may be sent again and again: at most one attempt is ever stored,
   * since the first that is leaves all others with an expectation that is never met again (sequences only
   * grow, and no subject that had a message is expected to have none).
   */
  async publish(messages: readonly NewMessage[]): Promise<Published> {
    const startMs = this.#clock.nowMs();
    const backoff = new Backoff({
      initialDelayMs: 50,
      maxDelayMs: 1000,
      random: this.#settings.random,
    });
    // Whether an earlier attempt may be stored, or be under way still.
    let isUncertain = false;
    let isFirst = true;
    for (;;) {
      const outcome = await this.#attempt(messages);
      switch (outcome.kind) {
        case "stored":
          this.counts.stored++;
          this.health.recover();
          this.durationSeconds.observe((this.#clock.nowMs() - startMs) / 1000);
          return outcome;
        case "refused":
          this.counts.refused++;
          // Also a server that has lost its quorum says that something is under way.
          if (outcome.lastSequence !== undefined) this.health.recover();
          // Without a sequence: something is under way, which may be an earlier attempt. Only what
          // becomes of it says what has become of this message.
          if (!isUncertain || outcome.lastSequence !== undefined) {
            return { ...outcome, mayBeOurs: isUncertain };
          }
          break;
        case "unknown":
          this.counts.unknown++;
          this.health.fail(outcome.reason);
          isUncertain = true;
          break;
        case "unavailable":
          this.counts.unavailable++;
          this.health.fail(outcome.reason);
          break;
        default: {
          if (isUncertain) break;
          return { kind: "failed", error: rejection(outcome), mayBeStored: false };
        }
      }
      const { writeLimitMs, unavailableLimitMs } = this.#settings;
      const limitMs = isUncertain ? writeLimitMs : unavailableLimitMs;
      if (this.#clock.nowMs() - startMs >= limitMs) {
        const reason = sentence("reason" in outcome ? outcome.reason : "something is under way");
        const error = isUncertain ? outcomeUnknown(reason) : unreachable(reason);
        return { kind: "failed", error, mayBeStored: isUncertain };
      }
      // At once the first time: most often a single answer was lost.
      if (!isFirst) await pause(this.#clock, backoff.next());
      isFirst = false;
    }
  }

  #attempt(messages: readonly NewMessage[]): Promise<PublishOutcome> {
    const [first] = messages;
    return first !== undefined && messages.length === 1
      ? this.#jetStream.publish(first)
      : this.#jetStream.publishTogether(messages);
  }
}

function rejection(
  outcome: Extract<PublishOutcome, { kind: "full" | "rejected" }>,
): StreamError {
  const reason = sentence(outcome.reason);
  return outcome.kind === "full"
    ? new StreamError({ code: "storage_full" }, `The cluster has no room for it: ${reason}`)
    : new StreamError({ code: "storage_failed" }, `The cluster rejects it: ${reason}`);
}
