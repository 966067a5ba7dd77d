import { getLogger } from "@logtape/logtape";
import { StreamError } from "../../../protocol/errors.ts";
import { pause } from "../cluster/pause.ts";
import { FreshQuestion } from "../cluster/fresh_question.ts";
import { toStreamError, unreachable } from "../cluster/unreachable.ts";
import { type OwnedParts, OwnedSubscriptions } from "./owned_subscriptions.ts";
import { LEASE_TICK_MS, OwnerLease } from "./owner_lease.ts";
import { type OwnerParts, OwnerState } from "./owner_state.ts";
import { OwnerSnapshots } from "./snapshots.ts";

const logger = getLogger(["durable-streams", "storage", "nats"]);

/** What an {@link Ownership} works on. */
export interface OwnershipParts extends OwnerParts, Omit<OwnedParts, "state"> {}

/** Who owns the subscriptions, and all of them where it is this front end. */
export class Ownership {
  readonly #parts: OwnershipParts;
  readonly #lease: OwnerLease;
  readonly #question: FreshQuestion<void>;
  #owner: number | undefined;
  #owned: OwnedSubscriptions | undefined;
  #snapshots: OwnerSnapshots | undefined;
  #isStopped = false;

  constructor(parts: OwnershipParts) {
    this.#parts = parts;
    this.#lease = new OwnerLease(parts);
    this.#question = new FreshQuestion(() => this.#look());
  }

  /** The subscriptions, where this front end owns them as far as it knows. */
  get owned(): OwnedSubscriptions | undefined {
    return this.#owned;
  }

  /** The same, where it owns them for sure. */
  get held(): OwnedSubscriptions | undefined {
    return this.#lease.isHeld ? this.#owned : undefined;
  }

  /** The front end that owns them, as far as is known. */
  get owner(): number | undefined {
    return this.#owner;
  }

  /**
   * Finds out who owns them, of a moment after the call; this front end does from then on where nobody did.
   *
   * @throws {StreamError} `storage_unreachable`, `damaged`
   */
  async look(): Promise<void> {
    await this.#question.ask();
  }

  /** To be called every so often: renews the lease, or takes it once it is free. */
  async tick(): Promise<void> {
    try {
      await this.look();
      await this.#owned?.state.followNew();
      await this.#snapshots?.makeIfDue();
    } catch (error) {
      if (!this.#isStopped) {
        logger.debug("The subscriptions' owner isn't known: {error}", { error });
      }
    }
  }

  /** Stores all subscriptions as they are; nothing where this front end doesn't own them. */
  async snapshot(): Promise<void> {
    await this.#snapshots?.make();
  }

  /** Gives them up. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    const owned = this.#owned;
    await owned?.state.log.flush();
    this.#owned = undefined;
    owned?.state.close(new StreamError({ code: "storage_closed" }, "The storage is closed."));
    // A lease that is being taken would keep others waiting until it ends.
    await this.#question.ask().catch(() => {});
    await this.#lease.release();
  }

  async #look(): Promise<void> {
    if (this.#isStopped) return;
    const wasHeld = this.#lease.isHeld;
    const owner = wasHeld || this.#owned !== undefined ? undefined : await this.#lease.owner();
    this.#owner = owner ?? await this.#lease.take();
    // One of its own that is old is replaced.
    if (this.#owner === this.#parts.frontEnd && owner !== undefined) await this.#lease.take();
    if (this.#owner !== this.#parts.frontEnd) return this.#lose();
    if (!wasHeld && this.#owned !== undefined && await this.#isBehind()) this.#lose();
    if (this.#owned === undefined) await this.#open();
  }

  /** Whether somebody else may have owned them since. */
  async #isBehind(): Promise<boolean> {
    const { jetStream, subjects } = this.#parts;
    try {
      const { subscriptionsLog, subscriptionRecords } = subjects;
      const sequence = await jetStream.lastSequence(subscriptionsLog, subscriptionRecords);
      return sequence !== this.#owned?.state.log.sequence;
    } catch (error) {
      throw toStreamError(error);
    }
  }

  async #open(): Promise<void> {
    const opened = Promise.withResolvers<void>();
    void this.#renewUntil(opened.promise);
    const state = await OwnerState.open(this.#parts, (lost) => {
      if (this.#owned?.state !== lost || this.#isStopped) return;
      this.#lose();
      void this.tick();
    }).finally(opened.resolve);
    if (this.#isStopped) {
      return state.close(new StreamError({ code: "storage_closed" }, "The storage is closed."));
    }
    this.#owned = new OwnedSubscriptions({ ...this.#parts, state });
    this.#snapshots = new OwnerSnapshots(this.#parts, state);
    logger.info("This front end owns the subscriptions from now on.");
    this.#notifyAll(this.#owned);
  }

  /** There may be much to read, and it may take longer than a lease. */
  async #renewUntil(opened: Promise<void>): Promise<void> {
    const { clock } = this.#parts;
    let isOpen = true;
    void opened.then(() => isOpen = false);
    while (isOpen) {
      await Promise.race([opened, pause(clock, LEASE_TICK_MS)]);
      // Where it is another's by now, the log says so, too.
      if (isOpen) await this.#lease.take().catch(() => {});
    }
  }

  #lose(): void {
    const owned = this.#owned;
    if (owned === undefined) return;
    this.#owned = undefined;
    this.#snapshots = undefined;
    logger.info("This front end owns the subscriptions no more.");
    owned.state.close(unreachable("another front end has taken over the subscriptions."));
    // What is under way for them ends with that.
    this.#notifyAll(owned);
  }

  #notifyAll({ state }: OwnedSubscriptions): void {
    for (const { id } of [...state.registry.entries()]) this.#parts.onChange(id);
  }
}
