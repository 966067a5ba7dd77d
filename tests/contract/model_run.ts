import { deepStrictEqual as equal, ok } from "node:assert";
import fc from "fast-check";
import { type Bytes, encodeUtf8, NO_BYTES } from "../../src/protocol/bytes.ts";
import { StreamError } from "../../src/protocol/errors.ts";
import { type Offset, type OffsetSpace, spaceAt } from "../../src/protocol/offset.ts";
import type { Storage } from "../../src/storage/storage.ts";
import type { ManualClock } from "../support/manual_clock.ts";
import { plainRecord } from "../support/plain_record.ts";
import { JSON_TYPE, TEXT } from "./kit.ts";
import { Model, type ModelStream, type Outcome, ownerOf } from "./model.ts";

/** The storage that a run goes over, and what can be done to it from outside. */
export interface Bench {
  readonly storage: Storage;
  readonly clock: ManualClock;
  checkpoint(): Promise<unknown>;
  reopen(): Promise<unknown>;
  crash(): Promise<unknown>;
  dispose(): Promise<void>;
}

const NAMES = ["a", "b", "c", "d"];
const LEAST_CHUNK = 4096;

const name = fc.constantFrom(...NAMES);
/** Messages by their length: mostly short, some around a block's, some longer. */
const lengths = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.integer({ min: 1, max: 200 }) },
    { weight: 3, arbitrary: fc.integer({ min: 1000, max: 5000 }) },
    { weight: 1, arbitrary: fc.integer({ min: 4090, max: 20_000 }) },
  ),
  { minLength: 1, maxLength: 5 },
);
/** A place in a stream: at a boundary, anywhere (of 0 to 1), or past the tail (above 1). */
const place = fc.oneof(
  plainRecord({ boundary: fc.nat(30) }),
  plainRecord({ part: fc.double({ min: 0, max: 1.05, noNaN: true }) }),
);
type ReadPosition = { boundary: number } | { part: number };
/** How an offset is given: as a position, as one of the stream, or as that of another one, a former one too. */
const given = fc.oneof(
  { weight: 2, arbitrary: fc.constantFrom("bare" as const, "own" as const) },
  { weight: 1, arbitrary: plainRecord({ foreign: fc.nat(8) }) },
);
type Given = typeof given extends fc.Arbitrary<infer T> ? T : never;

const producer = plainRecord({
  id: fc.constantFrom("p", "q"),
  epoch: fc.nat(2),
  seq: fc.nat(3),
});

const step = fc.oneof(
  {
    weight: 3,
    arbitrary: plainRecord({
      kind: fc.constant("create" as const),
      name,
      json: fc.boolean(),
      closed: fc.boolean().map((closed) => closed),
      lifetimeMs: fc.option(fc.integer({ min: 1, max: 3000 }), { nil: undefined, freq: 8 }),
      lengths: fc.oneof(fc.constant([]), lengths),
    }),
  },
  {
    weight: 4,
    arbitrary: plainRecord({
      kind: fc.constant("fork" as const),
      name,
      source: name,
      place: fc.option(place, { nil: undefined }),
      subOffset: fc.oneof(fc.constant(0), fc.nat(4)),
      given,
    }),
  },
  {
    weight: 12,
    arbitrary: plainRecord({
      kind: fc.constant("append" as const),
      name,
      lengths: fc.oneof({ weight: 9, arbitrary: lengths }, {
        weight: 1,
        arbitrary: fc.constant([]),
      }),
      close: fc.integer({ min: 0, max: 14 }).map((it) => it === 14),
      seq: fc.option(fc.constantFrom("a", "b", "c", "d", "e"), { nil: undefined, freq: 2 }),
      producer: fc.option(producer, { nil: undefined, freq: 2 }),
      expected: fc.option(place, { nil: undefined, freq: 2 }),
      given,
    }),
  },
  { weight: 3, arbitrary: plainRecord({ kind: fc.constant("delete" as const), name }) },
  {
    weight: 5,
    arbitrary: plainRecord({
      kind: fc.constant("read" as const),
      name,
      place,
      given,
      limit: fc.integer({ min: LEAST_CHUNK, max: 30_000 }),
    }),
  },
  {
    weight: 3,
    arbitrary: plainRecord({
      kind: fc.constant("list" as const),
      after: fc.constantFrom("", ...NAMES),
      limit: fc.integer({ min: 1, max: 5 }),
    }),
  },
  {
    weight: 1,
    arbitrary: plainRecord({
      kind: fc.constant("advance" as const),
      ms: fc.integer({ min: 1, max: 2000 }),
    }),
  },
  { weight: 2, arbitrary: plainRecord({ kind: fc.constant("checkpoint" as const) }) },
  { weight: 1, arbitrary: plainRecord({ kind: fc.constant("reopen" as const) }) },
  { weight: 2, arbitrary: plainRecord({ kind: fc.constant("crash" as const) }) },
);

/** Steps of a run, as data, so that a failing run shrinks to few. */
export const steps = fc.array(step, { minLength: 5, maxLength: 60 });
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** Takes the steps on a new storage and on the model, and compares each answer and the end. */
export async function runSteps(all: readonly Step[], open: () => Promise<Bench>): Promise<void> {
  const bench = await open();
  try {
    const run = new Run(bench);
    for (const one of all) await run.take(one);
    await run.compareAll();
    await bench.reopen();
    await run.compareAll();
  } finally {
    await bench.dispose();
  }
}

class Run {
  readonly #bench: Bench;
  readonly #model: Model;
  /** The space of each stream's offsets, as the storage told it first. */
  readonly #spaces = new Map<ModelStream, number>();
  #count = 0;

  constructor(bench: Bench) {
    this.#bench = bench;
    this.#model = new Model(() => bench.clock.nowMs());
  }

  async take(one: Step): Promise<void> {
    const { storage, clock } = this.#bench;
    const model = this.#model;
    switch (one.kind) {
      case "create":
        return await this.#create(one);
      case "fork":
        return await this.#fork(one);
      case "append":
        return await this.#append(one);
      case "delete":
        return await same(storage.delete(one.name), model.delete(one.name));
      case "read":
        return await this.#read(one.name, one.place, one.given, one.limit);
      case "list":
        return await this.#list(one.after, one.limit);
      case "advance":
        return clock.advance(one.ms);
      case "checkpoint":
      case "reopen":
      case "crash":
        await this.#bench[one.kind]();
    }
  }

  async #create(one: Extract<Step, { kind: "create" }>): Promise<void> {
    const { storage, clock } = this.#bench;
    const model = this.#model;
    const { json, closed } = one;
    const untilMs = one.lifetimeMs === undefined ? Infinity : clock.nowMs() + one.lifetimeMs;
    const messages = this.#messages(json, one.lengths);
    const expected = model.create(one.name, { json, closed, untilMs, messages });
    const created = storage.create(one.name, {
      contentType: json ? JSON_TYPE : TEXT,
      closed,
      ...(untilMs === Infinity
        ? {}
        : { lifetime: { kind: "until", expiresAtMs: untilMs } as const }),
      body: messages.length === 0 ? undefined : toBody(json, messages),
    });
    // A text body is one message, however many texts it is made of.
    return await same(created.then(({ created, tail }) => ({ created, tail })), expected);
  }

  async #fork(one: Extract<Step, { kind: "fork" }>): Promise<void> {
    const { storage } = this.#bench;
    const model = this.#model;
    // Looked at, not used: the storage looks at the fork's name first, which the source's expiry frees.
    const source = model.peek(one.source);
    const position = one.place && toOffset(source, one.place);
    const { subOffset } = one;
    const offset = position === undefined ? undefined : this.#give(source, position, one.given);
    const expected = model.fork(one.name, {
      source: one.source,
      offset: position,
      subOffset,
      isForeign: position !== undefined && isForeign(one.given),
    });
    const created = storage.create(one.name, {
      fork: { source: one.source, offset, subOffset },
    });
    return await same(created.then(({ created, tail }) => ({ created, tail })), expected);
  }

  async #append(one: Extract<Step, { kind: "append" }>): Promise<void> {
    const { storage } = this.#bench;
    const model = this.#model;
    const stream = model.find(one.name);
    const json = stream?.json ?? false;
    const close = one.close || one.lengths.length === 0;
    const messages = this.#messages(json, one.lengths);
    const expectedTail = one.expected && toOffset(stream, one.expected);
    const { seq, producer } = one;
    const expected = model.append(one.name, {
      messages,
      close,
      seq,
      producer,
      expectedTail,
      isForeign: isForeign(one.given),
    });
    const appended = storage.append(one.name, {
      contentType: json ? JSON_TYPE : TEXT,
      body: messages.length === 0 ? NO_BYTES : toBody(json, messages),
      close,
      seq,
      producer,
      expectedTail: expectedTail === undefined
        ? undefined
        : this.#give(stream, expectedTail, one.given),
    });
    return await same(appended.then(({ tail, duplicate }) => ({ tail, duplicate })), expected);
  }

  /** Every stream is just what the model has. */
  async compareAll(): Promise<void> {
    for (const name of NAMES) {
      const found = this.#model.visible(name);
      const whole = this.#bench.storage.read(name, 0, 1 << 30);
      const actual = whole.then(({ data, tail, closed }) => ({
        text: new TextDecoder().decode(data),
        tail,
        closed,
      }));
      if ("ok" in found) this.#learn(found.ok, (await whole).space);
      await same(
        actual,
        "refused" in found ? found : {
          ok: { text: found.ok.text, tail: found.ok.text.length, closed: found.ok.closed },
        },
      );
    }
    await this.#list("", 2);
  }

  async #list(after: string, limit: number): Promise<void> {
    const there = NAMES.flatMap((name) => {
      const stream = this.#model.listed(name);
      return stream === undefined || name <= after ? [] : [{ name, stream }];
    });
    const { streams, next } = await this.#bench.storage.list({ prefix: "", after, limit: 100 });
    // What the bench itself needs comes after these names.
    const found = streams.filter(({ name }) => NAMES.includes(name));
    equal(
      found.map(({ name, tail, closed }) => ({ name, tail, closed })),
      there.map(({ name, stream: { text, closed } }) => ({ name, tail: text.length, closed })),
    );
    for (const [i, { stream }] of there.entries()) this.#learn(stream, streams[i]?.space ?? -1);
    equal(next, undefined);
    const page = await this.#bench.storage.list({ prefix: "", after, limit });
    equal(page.streams, streams.slice(0, limit));
    equal(page.next, streams.length > limit ? page.streams.at(-1)?.name : undefined);
  }

  async #read(name: string, place: ReadPosition, given: Given, limit: number): Promise<void> {
    const found = this.#model.visible(name);
    const stream = "refused" in found ? undefined : found.ok;
    const from = toOffset(stream, place);
    const reading = this.#bench.storage.read(name, this.#give(stream, from, given), limit);
    if (stream === undefined) return await same(reading, found);
    if (isForeign(given)) return await same(reading, { refused: "offset_gone" });
    if (from > stream.text.length) return await same(reading, { refused: "offset_past_tail" });
    if (stream.json && !stream.boundaries.has(from)) {
      return await same(reading, { refused: "invalid_offset" });
    }
    const { data, start, next, tail, space } = await reading;
    this.#learn(stream, space);
    equal([start, next, tail], [from, from + data.length, stream.text.length]);
    equal(new TextDecoder().decode(data), stream.text.slice(from, next));
    ok(next > from || from === tail, "a read before the tail gives something");
    ok(stream.boundaries.has(next), `a read ends at ${next}, inside a message`);
    const within = [...stream.boundaries].some((at) => at > from && at < next);
    ok(data.length <= limit || !within, `${data.length} bytes are more than ${limit}`);
  }

  /** An offset of a stream, or of another one: of those that there were, if any. */
  #give(stream: ModelStream | undefined, position: number, given: Given): Offset {
    const own = stream && this.#spaces.get(ownerOf(stream, position));
    if (!isForeign(given)) {
      return given === "bare" || own === undefined ? position : { space: own, position };
    }
    // Where the space isn't known yet, no known one is it.
    const others = [...this.#spaces.values()].filter((space) => space !== own);
    return { space: others[given.foreign % others.length] ?? (own ?? 0) + 1, position };
  }

  /** The spaces that the storage told: each stream has one, always the same, and a fork its source's too. */
  #learn(stream: ModelStream, space: OffsetSpace): void {
    const { point, text } = stream;
    for (const position of [0, point, Math.min(point + 1, text.length), text.length]) {
      this.#learnOne(ownerOf(stream, position), spaceAt(space, position));
    }
  }

  #learnOne(owner: ModelStream, space: number): void {
    const known = this.#spaces.get(owner);
    if (known === undefined) ok(![...this.#spaces.values()].includes(space), `${space} is taken`);
    this.#spaces.set(owner, space);
    equal(space, known ?? space);
  }

  #messages(json: boolean, lengths: readonly number[]): string[] {
    const texts = lengths.map((length) => `${this.#count++}.`.padEnd(length, "abcdefgh"));
    if (json) return texts.map((text) => JSON.stringify(text));
    return texts.length === 0 ? [] : [texts.join("")];
  }
}

function isForeign(given: Given): given is { foreign: number } {
  return typeof given === "object";
}

function toBody(json: boolean, messages: readonly string[]): Bytes {
  return encodeUtf8(json ? `[${messages.join(", ")}]` : messages.join(""));
}

function toOffset(stream: ModelStream | undefined, place: ReadPosition): number {
  if (stream === undefined) return 0;
  if ("part" in place) return Math.floor(place.part * stream.text.length);
  const boundaries = [...stream.boundaries].sort((a, b) => a - b);
  return boundaries[place.boundary % boundaries.length] ?? 0;
}

async function same<T>(call: Promise<T>, expected: Outcome<unknown>): Promise<void> {
  const actual: Outcome<T> = await call.then((ok) => ({ ok }), (error) => {
    if (error instanceof StreamError) return { refused: error.code };
    throw error;
  });
  equal(actual, expected);
}
