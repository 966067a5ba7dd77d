import { quote, StreamError } from "../protocol/errors.ts";
import { copyString } from "./copy_string.ts";
import { QuotaPattern } from "./quota_pattern.ts";

/** How much may be stored in the streams that a pattern matches. */
export interface QuotaOptions {
  /**
   * A pattern of names (PROTOCOL §6.2). Each filling of its `*`s with a name's own segments is an account
   * of its own: with a `*` behind `users/`, each user has one. No `*` stands behind a `**`.
   */
  readonly pattern: string;
  /** So many bytes, as they are stored; any number unless it is given. */
  readonly bytes?: number;
  /** So many streams; any number unless it is given. */
  readonly streams?: number;
}

/** Says of streams that were there before a quota whether they are counted by now. */
export interface StoredCount {
  includes(id: number): boolean;
}

/** A quota and its accounts: those in which something is stored. */
export class Quota {
  /** The count that goes on of what was there before it. */
  count: StoredCount | undefined;
  #bytes: number;
  #streams: number;
  readonly #pattern: QuotaPattern;
  readonly #accounts = new Map<string, QuotaAccount>();

  /** @throws {RangeError} where it makes no sense */
  constructor({ pattern, bytes, streams }: QuotaOptions) {
    this.#pattern = new QuotaPattern(pattern);
    if (bytes === undefined && streams === undefined) {
      throw new RangeError(`The quota of ${quote(pattern)} limits nothing: give bytes or streams.`);
    }
    this.#bytes = atLeastNone(pattern, "bytes", bytes);
    this.#streams = atLeastNone(pattern, "streams", streams);
  }

  /** So many bytes may be stored in an account. */
  get bytes(): number {
    return this.#bytes;
  }

  /** And so many streams. */
  get streams(): number {
    return this.#streams;
  }

  /** The pattern's text. */
  get pattern(): string {
    return this.#pattern.text;
  }

  /** Takes another's limits. */
  setLimits({ bytes, streams }: Quota): void {
    this.#bytes = bytes;
    this.#streams = streams;
  }

  /** Whether a stream of this id is counted, or was made since. */
  counts(id: number): boolean {
    return this.count === undefined || this.count.includes(id);
  }

  /** All that was there before is counted. */
  endCount(): void {
    this.count = undefined;
    for (const account of this.#accounts.values()) this.dropIfEmpty(account);
  }

  /** How many accounts there are. */
  get size(): number {
    return this.#accounts.size;
  }

  /** The account of a name as it is, an empty one that isn't kept too; `undefined` where it has none. */
  lookUp(name: string): QuotaAccount | undefined {
    const key = this.#pattern.keyOf(name);
    return key === undefined ? undefined : this.#accounts.get(key) ?? new QuotaAccount(this, key);
  }

  /** The same, and kept. */
  open(name: string): QuotaAccount | undefined {
    const account = this.lookUp(name);
    if (account !== undefined) this.#accounts.set(account.key, account);
    return account;
  }

  /** Forgets an account that is empty. */
  dropIfEmpty({ key, streams }: QuotaAccount): void {
    if (streams <= 0) this.#accounts.delete(key);
  }

  /** The error for an account that has no room. */
  exceeded({ key }: QuotaAccount, what: string): StreamError {
    const { text } = this.#pattern;
    return new StreamError(
      { code: "quota_exceeded" },
      `The quota of ${quote(text)} is used up for ${quote(this.#pattern.nameOf(key))}: ${what}. ` +
        "Delete streams there, or have the quota raised.",
    );
  }
}

/** What is stored under a quota for one filling of its stars. */
export class QuotaAccount {
  readonly quota: Quota;
  readonly key: string;
  bytes = 0;
  streams = 0;

  constructor(quota: Quota, key: string) {
    this.quota = quota;
    this.key = copyString(key);
  }

  /** @throws {StreamError} `quota_exceeded` where so many bytes more have no room */
  checkBytes(added: number): void {
    const limit = this.quota.bytes;
    if (added === 0 || this.bytes + added <= limit) return;
    throw this.quota.exceeded(
      this,
      `${this.bytes} of ${limit} bytes are stored, and ${added} more don't fit`,
    );
  }

  /** @throws {StreamError} `quota_exceeded` where one stream more has no room */
  checkStreams(): void {
    const limit = this.quota.streams;
    if (this.streams < limit) return;
    throw this.quota.exceeded(this, `${this.streams} of ${limit} streams are there`);
  }
}

/** What a stream counts in, as long as the quotas are these. */
export interface StreamAccounts {
  readonly of: readonly Quota[];
  readonly accounts: readonly QuotaAccount[];
}

function atLeastNone(pattern: string, name: string, value = Infinity): number {
  if (value >= 0) return value;
  throw new RangeError(
    `The quota of ${quote(pattern)} is of ${value} ${name}: at least 0 is taken.`,
  );
}
