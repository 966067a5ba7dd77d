import { deepEqual as equal } from "node:assert/strict";
import fc from "fast-check";
import type { Client } from "../../../src/client/client.ts";
import type { Message } from "../../../src/client/reader/message.ts";
import type { ReadMode } from "../../../src/client/reader/read_mode.ts";
import type { Reader } from "../../../src/client/reader/reader.ts";
import { AppKit, untilSettled } from "../../support/client/reader_kit.ts";
import { Random } from "../../support/random.ts";
import { unreliableNetwork } from "../../support/client/unreliable_network.ts";

const PATH = "log/a";
const RUNS = 150;
const READ_MODES: readonly ReadMode[] = ["auto", "long-poll", "sse", "catch-up"];
const TYPES = ["application/json", "application/octet-stream", "text/plain", "application/x+json"];

/** What stands in a stream, as texts: its messages where it is JSON, otherwise all in one. */
type Seen = string[];

class History {
  readonly kit: AppKit;
  readonly random: Random;
  readonly type: string;
  readonly client: Client;
  readonly written: Seen = [];
  readonly seen: Seen = [];
  reader: Reader;

  constructor(seed: number) {
    this.random = new Random(seed);
    const ways = this.random.split();
    this.type = this.random.pick(TYPES);
    this.kit = new AppKit({ chunkBytes: this.random.pick([4096, 65_536]) }, {
      random: () => ways.next(),
    }, (send) => unreliableNetwork(send, ways, 0.3));
    this.client = this.kit.client;
    this.reader = this.open("-1");
  }

  open(offset: string): Reader {
    const readMode = this.random.pick(READ_MODES);
    return this.client.reader(PATH, { offset, readMode, maxElapsedMs: Infinity });
  }

  /** Nobody waits for what hasn't been written. */
  get isComplete(): boolean {
    return this.seen.join("").length >= this.written.join("").length;
  }

  get isJson(): boolean {
    return this.type.endsWith("json");
  }

  async append(isLast: boolean): Promise<void> {
    const count = this.random.between(1, 6);
    const texts = Array.from({ length: count }, () => this.#text());
    this.written.push(...texts);
    const body = this.isJson ? `[${texts.join(",")}]` : texts.join("");
    const close: Record<string, string> = isLast ? { "stream-closed": "true" } : {};
    await this.kit.append(PATH, { "content-type": this.type, ...close }, body);
  }

  #text(): string {
    const text = 'é😀 ,[]"\\x'.repeat(this.random.below(4)) + this.random.below(1_000_000);
    if (!this.isJson) return `${text}\n`;
    return this.random.chance(0.3)
      ? `{"a" : [${JSON.stringify(text)}, 1.0]}`
      : JSON.stringify(text);
  }

  see(message: Message): void {
    this.seen.push(message.text());
  }

  /** One way or another to read some and stop. */
  async readSome(): Promise<void> {
    const way = this.random.below(5);
    if (way === 0 && !this.isComplete) {
      for (const message of (await this.reader.read()).messages) this.see(message);
    } else if (way === 1) {
      await this.#stopAfter(this.random.between(1, 5));
      await this.reader.close();
      this.reader = this.open(this.reader.offset);
    } else if (way === 2) {
      const last = await this.#stopAfter(this.random.between(1, 5));
      if (last !== undefined) {
        equal(this.reader.offset, last.offset);
        this.reader.seek(last.offset);
      }
    } else if (way === 3) {
      const stop = new AbortController();
      const reading = this.reader.read({ signal: stop.signal });
      if (this.random.chance(0.5)) await Promise.resolve();
      stop.abort(new Error("stopped"));
      const data = await reading.catch(() => undefined);
      for (const message of data?.messages ?? []) this.see(message);
    } else {
      await this.#stopAfter(this.random.between(1, 10));
    }
  }

  async #stopAfter(count: number): Promise<Message | undefined> {
    let left = count;
    if (this.isComplete) return undefined;
    for await (const message of this.reader) {
      this.see(message);
      if (--left === 0 || this.isComplete) return message;
    }
    return undefined;
  }

  async finish(): Promise<void> {
    while (!this.reader.closed) {
      for (const message of (await this.reader.read()).messages) this.see(message);
    }
    await this.reader.close();
  }
}

async function play(seed: number): Promise<void> {
  const history = new History(seed);
  const { kit, random } = history;
  await kit.make(PATH, { "content-type": history.type });
  const steps = random.between(2, 8);
  for (let step = 0; step < steps; step++) {
    if (random.chance(0.7)) await history.append(false);
    await untilSettled(kit.clock, history.readSome());
  }
  await history.append(true);
  await untilSettled(kit.clock, history.finish());
  if (history.isJson) equal(history.seen, history.written);
  else equal(history.seen.join(""), history.written.join(""));
  // What the server still waits for ends by itself.
  kit.clock.advance(120_000);
  equal(kit.clock.pendingTimers, 0);
}

Deno.test("whatever is cut, wherever it stops and continues, each message is read once, whole, in order", async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 0, max: 2 ** 31 }), play),
    { numRuns: RUNS, endOnFailure: true },
  );
});
