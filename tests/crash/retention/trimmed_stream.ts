import { encodeUtf8 } from "../../../src/protocol/bytes.ts";
import { StreamError } from "../../../src/protocol/errors.ts";
import { type OffsetSpace, spaceAt } from "../../../src/protocol/offset.ts";
import type { RetentionPolicy } from "../../../src/protocol/retention.ts";
import type { Storage, StreamInfo } from "../../../src/storage/storage.ts";
import { Violation } from "../history/violation.ts";

const ALL_BYTES = 1 << 30;
const BLOCK_BYTES = 4096;

/** A stream that is trimmed, as its client knows it. */
export class TrimmedStream {
  readonly name: string;
  readonly json: boolean;
  /** All that was ever sent, as it is stored: the end of it may not be. */
  text: string;
  /** Where messages end in it, and where it begins. */
  readonly ends: number[];
  /** Up to there it was acknowledged. */
  acknowledged: number;
  /** It was trimmed up to there at least. */
  earliest: number;
  /** And up to there at most. */
  latest: number;
  /** The policies that it ever had: each may have let go of something. */
  readonly policies: RetentionPolicy[] = [];
  /** Whether it is known to be there. */
  isMade = false;
  isDeleted = false;

  constructor(name: string, json: boolean, source?: TrimmedStream) {
    this.name = name;
    this.json = json;
    this.text = source?.text.slice(0, source.acknowledged) ?? "";
    this.acknowledged = this.text.length;
    this.ends = source?.ends.filter((end) => end <= this.acknowledged) ?? [0];
    this.earliest = source?.earliest ?? 0;
    this.latest = source?.latest ?? 0;
  }

  get contentType(): string {
    return this.json ? "application/json" : "text/plain";
  }

  /** Appends a message; where nothing answers it may be there or not. */
  async append(storage: Storage, body: string): Promise<void> {
    this.text += this.json ? `${body},\n` : body;
    this.ends.push(this.text.length);
    const { tail } = await storage.append(this.name, {
      contentType: this.contentType,
      body: encodeUtf8(body),
    });
    if (tail !== this.text.length) {
      throw new Violation(`${this.name} ends at ${tail}, and not at ${this.text.length}`);
    }
    this.acknowledged = tail;
  }

  /** Trims it by hand. */
  async trim(storage: Storage, position: number): Promise<void> {
    this.latest = Math.max(this.latest, position);
    const updated = await storage.update?.(this.name, { trimBefore: position });
    const { earliest = 0 } = updated ?? {};
    if (earliest < position) throw new Violation(`${this.name} is trimmed to ${earliest} only`);
    this.earliest = Math.max(this.earliest, earliest);
  }

  /** Gives it a policy: from now on less of it may be there. */
  async keep(storage: Storage, retention: RetentionPolicy | null): Promise<void> {
    if (retention !== null) this.policies.push(retention);
    await storage.update?.(this.name, { retention });
  }

  /**
   * Looks at all of it: what was acknowledged and not trimmed is there, and what was trimmed isn't.
   *
   * @param isNewLife what was under way may have been lost: it is known now
   */
  async check(storage: Storage, isNewLife: boolean): Promise<void> {
    const info = await storage.head(this.name);
    try {
      await this.#check(storage, isNewLife, info);
    } catch (error) {
      if (!(error instanceof StreamError) || error.code !== "offset_trimmed") throw error;
      // A policy has trimmed it meanwhile.
      if ((await storage.head(this.name)).earliest === info.earliest) throw error;
      await this.check(storage, isNewLife);
    }
  }

  async #check(storage: Storage, isNewLife: boolean, info: StreamInfo): Promise<void> {
    const { tail, earliest } = info;
    this.#checkExtent(info);
    if (isNewLife) {
      this.text = this.text.slice(0, tail);
      while ((this.ends.at(-1) ?? 0) > tail) this.ends.pop();
      this.acknowledged = tail;
    }
    this.earliest = earliest;
    this.latest = Math.max(this.latest, earliest);
    const expected = this.text.slice(earliest, tail);
    let found = "";
    for (let at = earliest; at < tail;) {
      const { data, next } = await storage.read(this.name, named(info.space, at), BLOCK_BYTES);
      found += new TextDecoder().decode(data);
      if (next <= at) throw new Violation(`${this.name} can't be read past ${at}`);
      at = next;
    }
    if (!found.startsWith(expected)) {
      throw new Violation(`${this.name} has other bytes from ${earliest} on`);
    }
    if (!this.ends.includes(earliest)) {
      if (this.json) throw new Violation(`${this.name} is trimmed inside of a message`);
    }
    await this.#checkCounts(storage, info);
    for (const end of this.ends.filter((end) => end < earliest).slice(-2)) {
      await this.#isTrimmed(storage, info.space, end);
    }
  }

  #checkExtent({ tail, earliest }: StreamInfo): void {
    if (tail < this.acknowledged) {
      throw new Violation(`${this.name} ends at ${tail}, before ${this.acknowledged}`);
    }
    if (tail > this.text.length) throw new Violation(`${this.name} ends at ${tail}, too far`);
    if (earliest < this.earliest) {
      throw new Violation(
        `${this.name} begins at ${earliest}, and was trimmed to ${this.earliest}`,
      );
    }
    if (earliest > this.#latestOf(tail)) {
      throw new Violation(`${this.name} begins at ${earliest}: more is trimmed than may be`);
    }
  }

  /** What policies never let go of: so many bytes, and so many messages. */
  #latestOf(tail: number): number {
    const count = this.ends.length - 1;
    let latest = this.latest;
    for (const { bytes, messages, ageMs } of this.policies) {
      if (ageMs !== undefined) return tail;
      if (bytes !== undefined) latest = Math.max(latest, tail - bytes);
      if (messages !== undefined) latest = Math.max(latest, this.ends[count - messages] ?? 0);
    }
    return latest;
  }

  async #checkCounts(storage: Storage, { space, tail, earliest }: StreamInfo): Promise<void> {
    if (!this.json) return;
    for (const end of [earliest, this.ends.find((end) => end > earliest) ?? tail, tail]) {
      const found = await storage.countBefore?.(this.name, named(space, end));
      const expected = this.ends.indexOf(end);
      if (found?.messages !== expected) {
        throw new Violation(`${this.name} counts ${found?.messages} up to ${end}, not ${expected}`);
      }
    }
    const { start, ...now } = await storage.read(this.name, { lastMessages: 3 }, ALL_BYTES);
    const first = Math.max(now.earliest, this.ends[this.ends.indexOf(tail) - 3] ?? 0);
    if (start !== first) throw new Violation(`${this.name}'s last begin at ${start}, not ${first}`);
  }

  async #isTrimmed(storage: Storage, space: OffsetSpace, position: number): Promise<void> {
    const error = await storage.read(this.name, named(space, position), ALL_BYTES)
      .then(() => undefined, (error: unknown) => error);
    if (error instanceof StreamError && error.code === "offset_trimmed") return;
    throw new Violation(`${this.name} is trimmed, and ${position} can be read: ${String(error)}`);
  }
}

function named(space: OffsetSpace, position: number) {
  return { space: spaceAt(space, position), position };
}
