import { encodeUtf8 } from "../../../src/protocol/bytes.ts";
import { messageEnds } from "../../../src/protocol/json.ts";
import type { Storage } from "../../../src/storage/storage.ts";
import { Violation } from "../history/violation.ts";

const JSON_TYPE = "application/json";

/** A message: the newest of its key is never missing. */
export interface Keyed {
  readonly k: number;
  readonly v: number;
}

/** A stream that one client writes keyed messages to, and what it knows of it. */
export class KeyedStream {
  readonly name: string;
  /** What it has written, in order; the last ones perhaps without an answer. */
  readonly written: Keyed[] = [];
  /** How many of these were acknowledged. */
  acknowledged = 0;
  /** Tails that were acknowledged, with how many messages were there. */
  readonly tails: { readonly tail: number; readonly count: number }[] = [];
  /** What a fork was made of. */
  readonly source: KeyedStream | undefined;

  constructor(name: string, source?: KeyedStream) {
    this.name = name;
    this.source = source;
    if (source === undefined) return;
    this.written.push(...source.written.slice(0, source.acknowledged));
    this.acknowledged = this.written.length;
  }

  /** Appends some messages. */
  async append(storage: Storage, messages: readonly Keyed[], pad: number): Promise<void> {
    this.written.push(...messages);
    const count = this.written.length;
    const text = JSON.stringify(messages.map((each) => ({ ...each, pad: "x".repeat(pad) })));
    const { tail } = await storage.append(this.name, {
      contentType: JSON_TYPE,
      body: encodeUtf8(text),
    });
    this.acknowledged = count;
    this.tails.push({ tail, count });
  }

  /**
   * After a start: looks at all that is there, and takes it for what was written.
   *
   * @throws {Violation}
   */
  async check(storage: Storage): Promise<void> {
    const found = await readKeyed(storage, this.name, 0);
    const newest = found.at(-1)?.v;
    const count = newest === undefined
      ? 0
      : this.written.findLastIndex(({ v }) => v === newest) + 1;
    if (count < this.acknowledged) this.#fail(`ends at ${newest}, after ${count} messages`);
    this.written.length = count;
    this.acknowledged = count;
    this.#compare(found, 0);
    const { messages } = await storage.head(this.name);
    if (messages !== undefined && messages !== count) this.#fail(`has ${messages} of ${count}`);
    for (const { tail, count } of this.tails.slice(-20)) {
      this.#compare(await readKeyed(storage, this.name, tail), count);
    }
  }

  /** Whether what was read is what has to be there from the message of this number on. */
  #compare(found: readonly Keyed[], from: number): void {
    const left = new Map(this.written.map((each, i) => [each.k, { ...each, i }]));
    let at = from;
    for (const { k, v } of found) {
      const next = this.written.findIndex((each, i) => i >= at && each.k === k && each.v === v);
      if (next < 0) this.#fail(`has ${k}: ${v} where it never was, from ${from} on`);
      at = next + 1;
      if (left.get(k)?.v === v) left.delete(k);
    }
    for (const { k, v, i } of left.values()) {
      if (i >= from) this.#fail(`lacks ${k}: ${v}, its newest value, from ${from} on`);
    }
  }

  #fail(what: string): never {
    throw new Violation(`Stream ${this.name} ${what}`);
  }
}

/** All messages from an offset on. */
async function readKeyed(storage: Storage, name: string, from: number): Promise<Keyed[]> {
  const found: Keyed[] = [];
  for (let at = from;;) {
    const { data, next, tail } = await storage.read(name, at, 5000);
    let start = 0;
    for (const end of messageEnds(data)) {
      const { k, v } = JSON.parse(new TextDecoder().decode(data.subarray(start, end - 2)));
      found.push({ k, v });
      start = end;
    }
    if (next >= tail) return found;
    if (next <= at) throw new Violation(`A read of ${name} at ${at} doesn't get on`);
    at = next;
  }
}
