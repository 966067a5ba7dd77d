import { Quota, type QuotaAccount, type QuotaOptions, type StoredCount } from "./quota_account.ts";
import type { QuotaStatus } from "./status.ts";
import type { Stream } from "./stream.ts";
import type { StreamObserver } from "./stream_observer.ts";

/** Each new name is compared with all of them. */
const QUOTAS_LIMIT = 100;

const NO_ACCOUNTS: readonly QuotaAccount[] = [];

/** What a stream holds that was there before its quotas. */
export interface StoredStream {
  readonly name: string;
  /** Its own that are held, with its snapshot's: a fork's are those behind its fork point. */
  readonly bytes: number;
}

/**
 * Counts what is stored under quotas, and says where there is no room. A stream counts until it is gone for
 * good: one that is deleted and kept for its forks does, too, else a fork of each would make a quota's
 * room without end.
 */
export class Quotas implements StreamObserver {
  #quotas: readonly Quota[];

  /** @throws {RangeError} where a quota makes no sense */
  constructor(quotas: readonly QuotaOptions[]) {
    this.#quotas = newQuotas(quotas);
  }

  /** Whether there are none. */
  get isNone(): boolean {
    return this.#quotas.length === 0;
  }

  /** As in `StorageStatus.quotas`. */
  status(): QuotaStatus {
    const accounts = this.#quotas.reduce((sum, { size }) => sum + size, 0);
    return { isCounted: this.#quotas.every(({ count }) => count === undefined), accounts };
  }

  /**
   * Looks at other quotas and changes nothing. A pattern that has a quota keeps what was counted for it.
   *
   * @returns puts them in place, and tells which of them are to be counted: those of other patterns
   * @throws {RangeError} where one makes no sense
   */
  prepare(options: readonly QuotaOptions[]): () => readonly Quota[] {
    const made = newQuotas(options);
    return () => {
      const before = [...this.#quotas];
      const added: Quota[] = [];
      this.#quotas = made.map((quota) => {
        const index = before.findIndex(({ pattern }) => pattern === quota.pattern);
        const [known] = index < 0 ? [] : before.splice(index, 1);
        if (known === undefined) added.push(quota);
        else known.setLimits(quota);
        return known ?? quota;
      });
      return added;
    };
  }

  /**
   * @param bytes of its first content
   * @throws {StreamError} `quota_exceeded` where a new stream of this name has no room
   */
  checkCreate(name: string, bytes: number): void {
    for (const quota of this.#quotas) {
      const account = quota.lookUp(name);
      account?.checkStreams();
      account?.checkBytes(bytes);
    }
  }

  /** @throws {StreamError} `quota_exceeded` where so many bytes more have no room */
  checkAppend(stream: Stream, bytes: number): void {
    for (const account of this.#accountsOf(stream)) account.checkBytes(bytes);
  }

  /**
   * @param addedBytes more than the snapshot before had
   * @throws {StreamError} `quota_exceeded` where a snapshot has no room
   */
  checkSnapshot(stream: Stream, addedBytes: number): void {
    if (addedBytes > 0) this.checkAppend(stream, addedBytes);
  }

  /**
   * More is held with a stream, or less, than what was appended and trimmed comes to.
   *
   * @param addedBytes below 0 where a snapshot is shorter than the one before, or gone, or a compaction has
   * left messages out
   */
  changed(stream: Stream, addedBytes: number): void {
    for (const account of this.#accountsOf(stream)) {
      if (account.quota.counts(stream.id)) account.bytes += addedBytes;
    }
  }

  created(stream: Stream): void {
    for (const account of this.#accountsOf(stream)) account.streams++;
  }

  appended(stream: Stream, start: number): void {
    const bytes = stream.tail - Math.max(start, stream.ownStart);
    if (bytes === 0) return;
    for (const account of this.#accountsOf(stream)) {
      if (account.quota.counts(stream.id)) account.bytes += bytes;
    }
  }

  trimmed(stream: Stream, freedBytes: number): void {
    this.changed(stream, -freedBytes);
  }

  removed(stream: Stream): void {
    if (stream.lifecycle !== "deleted") return;
    for (const account of this.#accountsOf(stream)) {
      const { quota } = account;
      if (!quota.counts(stream.id)) continue;
      account.bytes -= stream.heldBytes;
      account.streams--;
      // While others may have it that aren't counted yet, it stays.
      if (quota.count === undefined) quota.dropIfEmpty(account);
    }
  }

  /**
   * There are streams that these quotas don't know, all of them unless given: {@link countStored} follows
   * for each that isn't gone meanwhile, then {@link endCount}.
   */
  beginCount(count: StoredCount, quotas: readonly Quota[] = this.#quotas): void {
    for (const quota of quotas) quota.count = count;
  }

  /** A stream that was there before this count. */
  countStored(count: StoredCount, { name, bytes }: StoredStream): void {
    for (const quota of this.#quotas) {
      const account = quota.count === count ? quota.open(name) : undefined;
      if (account === undefined) continue;
      account.bytes += bytes;
      account.streams++;
    }
  }

  /** All of them were counted. */
  endCount(count: StoredCount): void {
    for (const quota of this.#quotas) if (quota.count === count) quota.endCount();
  }

  #accountsOf(stream: Stream): readonly QuotaAccount[] {
    const known = stream.quotaAccounts;
    if (known !== undefined && known.of === this.#quotas) return known.accounts;
    const found = this.#quotas.flatMap((quota) => quota.open(stream.name) ?? []);
    const accounts = found.length === 0 ? NO_ACCOUNTS : found;
    stream.quotaAccounts = { of: this.#quotas, accounts };
    return accounts;
  }
}

function newQuotas(options: readonly QuotaOptions[]): readonly Quota[] {
  if (options.length > QUOTAS_LIMIT) {
    throw new RangeError(`${options.length} quotas are given: at most ${QUOTAS_LIMIT} are taken.`);
  }
  return options.map((quota) => new Quota(quota));
}

/** Tells both, one after the other. */
export function bothObservers<S extends Stream>(
  one: StreamObserver<S>,
  other: StreamObserver<S>,
): StreamObserver<S> {
  return {
    created(stream) {
      one.created(stream);
      other.created(stream);
    },
    appended(stream, start, lsn, trace) {
      one.appended(stream, start, lsn, trace);
      other.appended(stream, start, lsn, trace);
    },
    trimmed(stream, freedBytes, lsn) {
      one.trimmed(stream, freedBytes, lsn);
      other.trimmed(stream, freedBytes, lsn);
    },
    removed(stream, lsn) {
      one.removed(stream, lsn);
      other.removed(stream, lsn);
    },
  };
}
