import { Quota, type QuotaAccount, type QuotaOptions } from "./quota_account.ts";
import type { QuotaStatus } from "./status.ts";
import type { Stream } from "./stream.ts";
import type { StreamObserver } from "./stream_observer.ts";

/** Each new name is compared with all of them. */
const QUOTAS_LIMIT = 100;

const NO_ACCOUNTS: readonly QuotaAccount[] = [];

/** What a stream that was there at the start holds. */
export interface StoredStream {
  readonly name: string;
  /** Its own: a fork's are those behind its fork point. */
  readonly bytes: number;
}

/** Says of streams that were there at the start whether they are counted by now. */
export interface StartCount {
  includes(id: number): boolean;
}

/**
 * Counts what is stored under quotas, and says where there is no room. A stream counts until it is gone for
 * good: one that is deleted and kept for its forks does, too, else a fork of each would make a quota's
 * room without end.
 */
export class Quotas implements StreamObserver {
  readonly #quotas: readonly Quota[];
  #startCount: StartCount | undefined;

  /** @throws {RangeError} where a quota makes no sense */
  constructor(quotas: readonly QuotaOptions[]) {
    if (quotas.length > QUOTAS_LIMIT) {
      throw new RangeError(`${quotas.length} quotas are given: at most ${QUOTAS_LIMIT} are taken.`);
    }
    this.#quotas = quotas.map((quota) => new Quota(quota));
  }

  /** As in `StorageStatus.quotas`. */
  status(): QuotaStatus {
    const accounts = this.#quotas.reduce((sum, { size }) => sum + size, 0);
    return { isCounted: this.#startCount === undefined, accounts };
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

  created(stream: Stream): void {
    for (const account of this.#accountsOf(stream)) account.streams++;
  }

  appended(stream: Stream, start: number): void {
    if (!this.#isCounted(stream)) return;
    const bytes = stream.tail - Math.max(start, stream.ownStart);
    for (const account of this.#accountsOf(stream)) account.bytes += bytes;
  }

  removed(stream: Stream): void {
    if (stream.lifecycle !== "deleted" || !this.#isCounted(stream)) return;
    for (const account of this.#accountsOf(stream)) {
      account.bytes -= stream.tail - stream.ownStart;
      account.streams--;
      // While others may have it that aren't counted yet, it stays.
      if (this.#startCount === undefined) account.quota.dropIfEmpty(account);
    }
  }

  /**
   * There were streams before: {@link countStored} follows for each that isn't gone meanwhile, then
   * {@link endStartCount}.
   */
  beginStartCount(startCount: StartCount): void {
    this.#startCount = startCount;
  }

  /** A stream that was there before the start. */
  countStored({ name, bytes }: StoredStream): void {
    for (const account of this.#open(name)) {
      account.bytes += bytes;
      account.streams++;
    }
  }

  /** All of them were counted. */
  endStartCount(): void {
    this.#startCount = undefined;
    for (const quota of this.#quotas) quota.dropEmpty();
  }

  #isCounted({ id }: Stream): boolean {
    return this.#startCount === undefined || this.#startCount.includes(id);
  }

  #accountsOf(stream: Stream): readonly QuotaAccount[] {
    return stream.quotaAccounts ??= this.#open(stream.name);
  }

  #open(name: string): readonly QuotaAccount[] {
    const found = this.#quotas.flatMap((quota) => quota.open(name) ?? []);
    return found.length === 0 ? NO_ACCOUNTS : found;
  }
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
    removed(stream, lsn) {
      one.removed(stream, lsn);
      other.removed(stream, lsn);
    },
  };
}
