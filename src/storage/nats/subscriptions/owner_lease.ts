import type { Clock } from "../../../env/clock.ts";
import { StreamError } from "../../../protocol/errors.ts";
import type { Subjects } from "../cluster/subjects.ts";
import { pause } from "../cluster/pause.ts";
import { toStreamError } from "../cluster/unreachable.ts";
import { MalformedFrame } from "../format/binary.ts";
import { decodeOwner, encodeOwner } from "../format/meta_record.ts";
import { type JetStream, JetStreamError } from "../jetstream.ts";

/** How long the cluster keeps a lease that isn't renewed. */
const LEASE_SECONDS = 6;
/** How often it is renewed, and looked for by those who don't have it. */
export const LEASE_TICK_MS = 2000;
/** So often is it tried while somebody else takes it, too. */
const MOST_TRIES = 20;
const RETRY_MS = 5;
/** Whoever has it gives it up so long before the cluster does: clocks don't run equally fast. */
const MARGIN_MS = 500;

/** What an {@link OwnerLease} works on. */
export interface LeaseParts {
  readonly clock: Clock;
  readonly jetStream: JetStream;
  readonly subjects: Subjects;
  /** This front end's number. */
  readonly frontEnd: number;
}

/**
 * Which front end owns the subscriptions: a message that vanishes by itself unless its writer replaces it in
 * time. It says who is to work, and only the expectations of the subscriptions' log say whose records count.
 */
export class OwnerLease {
  readonly #parts: LeaseParts;
  #sequence = 0;
  #validUntilMs = -Infinity;

  constructor(parts: LeaseParts) {
    this.#parts = parts;
  }

  /** Whether it is this front end's for sure, by its own clock. */
  get isHeld(): boolean {
    return this.#parts.clock.nowMs() < this.#validUntilMs;
  }

  /**
   * Takes the lease, or renews it.
   *
   * @returns who has it as of a moment after the call
   * @throws {StreamError} `storage_unreachable` where that isn't known
   */
  async take(): Promise<number> {
    const { clock, jetStream, subjects, frontEnd } = this.#parts;
    for (let tries = 0;; tries++) {
      const sentMs = clock.nowMs();
      const outcome = await jetStream.publish({
        log: subjects.metaLog,
        subject: subjects.owner,
        payload: encodeOwner(frontEnd),
        expectedSequence: this.#sequence,
        ttlSeconds: LEASE_SECONDS,
      });
      if (outcome.kind === "stored") {
        this.#sequence = outcome.sequence;
        this.#validUntilMs = sentMs + LEASE_SECONDS * 1000 - MARGIN_MS;
        return frontEnd;
      }
      if (outcome.kind !== "refused") {
        throw toStreamError(new JetStreamError("unavailable", outcome.reason));
      }
      const found = await this.#look();
      if (found === undefined) {
        if (tries === MOST_TRIES) {
          throw toStreamError(new JetStreamError("unavailable", "The lease is being taken."));
        }
        // Somebody else's is under way, which may come to nothing.
        if (this.#sequence === 0) await pause(clock, RETRY_MS);
        this.#sequence = 0;
        continue;
      }
      if (found.frontEnd !== frontEnd) {
        this.#forget();
        return found.frontEnd;
      }
      // An attempt of which no answer came: it holds from when it was sent, which isn't known any more.
      if (found.sequence === this.#sequence) return frontEnd;
      this.#sequence = found.sequence;
    }
  }

  /**
   * Who has it, as of a moment after the call; `undefined` where nobody does.
   *
   * @throws {StreamError} `storage_unreachable`
   */
  async owner(): Promise<number | undefined> {
    return (await this.#look())?.frontEnd;
  }

  /** Gives it back, if it is this front end's still. */
  async release(): Promise<void> {
    const { jetStream, subjects } = this.#parts;
    const sequence = this.#sequence;
    this.#forget();
    if (sequence === 0) return;
    try {
      await jetStream.purge(subjects.metaLog, subjects.owner, sequence);
    } catch (error) {
      // It ends by itself.
      if (!(error instanceof JetStreamError)) throw error;
    }
  }

  #forget(): void {
    this.#sequence = 0;
    this.#validUntilMs = -Infinity;
  }

  async #look(): Promise<{ frontEnd: number; sequence: number } | undefined> {
    const { jetStream, subjects } = this.#parts;
    try {
      const stored = await jetStream.lastMessage(subjects.metaLog, subjects.owner);
      return stored && {
        frontEnd: decodeOwner(stored.payload.slice()),
        sequence: stored.sequence,
      };
    } catch (error) {
      if (!(error instanceof MalformedFrame)) throw toStreamError(error);
      throw new StreamError(
        { code: "damaged" },
        `The record of who owns the subscriptions is malformed: ${error.message}.`,
      );
    }
  }
}
