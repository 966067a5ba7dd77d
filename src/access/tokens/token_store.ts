import { timingSafeEqual } from "node:crypto";
import { Buffer } from "node:buffer";
import type { Clock } from "../../env/clock.ts";
import { fillTemplate, parseGrantTemplate } from "../grant_template.ts";
import type { Permit } from "../permit.ts";
import { tokenExpired, tokenInvalid } from "../verdicts.ts";
import { hashToken } from "./token.ts";
import type { TokenRecord } from "./token_file.ts";

/** What a permit's `creator` begins with where it is a token's of the file. */
export const TOKEN_CREATOR = "token:";

interface Entry {
  readonly record: TokenRecord;
  readonly hash: Buffer;
  readonly permit: Permit;
  readonly revocation: AbortController;
}

/** The tokens of a file and their permits. */
export class TokenStore {
  readonly #clock: Clock;
  /** By the first half of the hash, which nobody can aim at; all of it is compared in constant time. */
  #byPrefix: ReadonlyMap<string, Entry> = new Map();
  #byId: ReadonlyMap<string, Entry> = new Map();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Takes these tokens in place of those before. Where one is the same as before its permit stays; where
   * it is gone, revoked or different, the signal of its permit is aborted.
   */
  replace(records: readonly TokenRecord[]): void {
    const before = this.#byId;
    const byId = new Map<string, Entry>();
    const byPrefix = new Map<string, Entry>();
    for (const record of records) {
      const old = before.get(record.id);
      const entry = old !== undefined && isSame(old.record, record) ? old : entryOf(record);
      byId.set(record.id, entry);
      byPrefix.set(prefixOf(entry.hash), entry);
    }
    this.#byId = byId;
    this.#byPrefix = byPrefix;
    // Only now, so that whoever is told finds the new state.
    for (const entry of before.values()) {
      if (byId.get(entry.record.id) !== entry) entry.revocation.abort();
    }
  }

  /**
   * The permit of a token.
   *
   * @throws {StreamError} `token_invalid`, `token_expired`
   */
  permitOf(token: string): Permit {
    const hash = hashToken(token);
    const entry = this.#byPrefix.get(prefixOf(hash));
    if (entry === undefined || !timingSafeEqual(hash, entry.hash)) {
      throw tokenInvalid("this server doesn't know it");
    }
    const { record } = entry;
    if (record.revokedAtMs !== undefined) throw tokenInvalid("it was revoked");
    if (record.expiresAtMs !== undefined && record.expiresAtMs <= this.#clock.nowMs()) {
      throw tokenExpired(record.expiresAtMs);
    }
    return entry.permit;
  }

  /** What the token of this id may do now; `undefined` where it is gone, revoked or expired. */
  permitOfId(id: string): Permit | undefined {
    const entry = this.#byId.get(id);
    if (entry === undefined || entry.record.revokedAtMs !== undefined) return undefined;
    const { expiresAtMs = Infinity } = entry.record;
    return this.#clock.nowMs() < expiresAtMs ? entry.permit : undefined;
  }
}

function entryOf(record: TokenRecord): Entry {
  const revocation = new AbortController();
  const claims = { sub: record.subject };
  const permit: Permit = {
    subject: record.subject,
    grants: record.grants
      .flatMap((line) => fillTemplate(parseGrantTemplate(line), claims) ?? []),
    signal: revocation.signal,
    creator: TOKEN_CREATOR + record.id,
    ...(record.expiresAtMs === undefined ? {} : { expiresAtMs: record.expiresAtMs }),
  };
  return { record, hash: Buffer.from(record.sha256, "hex"), permit, revocation };
}

function prefixOf(hash: Buffer): string {
  return hash.toString("hex", 0, 16);
}

function isSame(one: TokenRecord, other: TokenRecord): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
