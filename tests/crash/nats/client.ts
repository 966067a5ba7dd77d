import { NO_BYTES } from "../../../src/protocol/bytes.ts";
import type { Lifetime } from "../../../src/protocol/lifetime.ts";
import { type OffsetSpace, spaceAt, type StreamOffset } from "../../../src/protocol/offset.ts";
import type { AppendRequest, ReadResult, Storage } from "../../../src/storage/storage.ts";
import { wait } from "../../support/nats/delay.ts";
import type { Random } from "../../support/random.ts";
import { makePayload, type Payload } from "../history/payload.ts";
import { expect } from "../history/violation.ts";
import { type Answer, askOf } from "./answer.ts";
import type { Floor, KnownStream, Ledger, Sent, Span } from "./ledger.ts";
import { FOREVER_NAMES, FORK_NAMES, isJson, NAMES, PASSING_NAMES, SLIDING_NAMES } from "./names.ts";
import type { NatsWorld } from "./nats_world.ts";

const TEXT = "text/plain";
const JSON_TYPE = "application/json";
/** So often a batch is sent again before its producer gives up for a while. */
const MOST_TRIES = 6;
const LONGEST_PAUSE_MS = 1500;
/** Some bodies are longer than a message may be. */
const LONGEST_BYTES = 90_000;

/** A producer's state for one stream. */
interface Producing {
  readonly id: string;
  epoch: number;
  nextSeq: number;
  /** What isn't known to be stored yet. */
  pending: Sent | undefined;
}

interface Call<T> {
  readonly answer: Answer<T>;
  readonly span: Span;
  readonly floor: Floor;
  readonly what: string;
}

/** One client, which does one thing after the other. */
export class Client {
  readonly #world: NatsWorld;
  readonly #ledger: Ledger;
  readonly #number: number;
  readonly #random: Random;
  readonly #producing = new Map<string, Producing>();
  #producers = 0;
  /** Offsets that answers told, by name: places between two messages. */
  readonly #offsets = new Map<string, StreamOffset[]>();

  constructor(world: NatsWorld, ledger: Ledger, number: number, random: Random) {
    this.#world = world;
    this.#ledger = ledger;
    this.#number = number;
    this.#random = random;
  }

  async run(steps: number): Promise<void> {
    try {
      if (this.#number === 0) { for (const name of FOREVER_NAMES) await this.#make(name); }
      for (let i = 0; i < steps; i++) {
        this.#world.maybeDisturb();
        await this.#step();
      }
    } catch (error) {
      this.#world.fail(error);
    }
  }

  /** Producers send again what they don't know of. */
  async finish(): Promise<void> {
    try {
      if (this.#number === 0) { for (const name of FOREVER_NAMES) await this.#make(name); }
      for (const [name, { pending }] of this.#producing) {
        if (pending !== undefined) await this.#produce(name);
      }
    } catch (error) {
      this.#world.fail(error);
    }
  }

  async #step(): Promise<void> {
    const random = this.#random;
    const kind = random.below(100);
    const name = random.pick(NAMES);
    // Mostly there is something to be done things to.
    if (this.#ledger.isUnknown(name) && random.chance(0.7)) return await this.#create(name);
    if (kind < 30) return await this.#produce(random.pick([...FOREVER_NAMES, name]));
    if (kind < 55) return await this.#append(name);
    if (kind < 65) return await this.#create(name);
    if (kind < 70) return await this.#delete(random.pick([...PASSING_NAMES, ...FORK_NAMES]));
    if (kind < 76) return await this.#head(name);
    if (kind < 79) return await this.#list();
    await this.#read(name);
  }

  async #create(name: string): Promise<void> {
    if (FORK_NAMES.includes(name)) return await this.#fork(name);
    await this.#make(name);
  }

  async #make(name: string): Promise<void> {
    const random = this.#random;
    const hasBody = !FOREVER_NAMES.includes(name) && random.chance(0.5);
    const sent = hasBody ? this.#newSent(name, false) : undefined;
    const lifetime = SLIDING_NAMES.includes(name) ? this.#lifetime() : undefined;
    const { answer, floor, span, what } = await this.#ask(
      `create ${name} ${sent?.id ?? ""} ${JSON.stringify(lifetime) ?? ""}`,
      (storage) =>
        storage.create(name, {
          contentType: isJson(name) ? JSON_TYPE : TEXT,
          ...(sent === undefined ? {} : { body: sent.payload.body }),
          lifetime,
        }),
    );
    if (answer.kind !== "done") {
      if (sent !== undefined && answer.kind === "refused") sent.outcome = "absent";
      return;
    }
    const { created, space, tail, closed } = answer.result;
    const known = this.#ledger.see(name, { space, tail, closed }, floor, span, what);
    if (created) {
      if (lifetime !== undefined) known.lifetime = lifetime;
      this.#used(known, span);
      if (sent === undefined) return;
      expect(tail >= sent.payload.stored.length, `${what}: the tail is ${tail}`);
      this.#stored(sent, space, sent.payload.stored.length, what);
    } else if (sent !== undefined) sent.outcome = "absent";
  }

  #lifetime(): Lifetime {
    const random = this.#random;
    if (random.chance(0.6)) return { kind: "ttl", ttlSeconds: random.between(1, 5) };
    return { kind: "until", expiresAtMs: this.#world.nowMs + random.between(500, 8000) };
  }

  async #fork(name: string): Promise<void> {
    const random = this.#random;
    const others = NAMES.filter((each) => each !== name);
    const known = others.filter((each) => !this.#ledger.isUnknown(each));
    const source = random.pick(known.length > 0 ? known : others);
    const offset = random.chance(0.5) ? this.#offset(source) : undefined;
    const { answer } = await this.#ask(
      `fork ${name} of ${source} at ${JSON.stringify(offset)}`,
      (storage) => storage.create(name, { fork: { source, offset } }),
    );
    if (answer.kind === "done") this.#ledger.noteThere(name, true);
  }

  async #delete(name: string): Promise<void> {
    const { answer, what } = await this.#ask(
      `delete ${name}`,
      (storage) => storage.delete(name),
      (span) => this.#ledger.noteDelete(name, span),
    );
    if (answer.kind === "done") this.#ledger.noteThere(name, false);
    if (answer.kind !== "refused") return;
    const { code } = answer.error;
    expect(code === "not_found" || code === "gone", `${what}: ${answer.error.message}`);
  }

  async #head(name: string): Promise<void> {
    const { answer, floor, span, what } = await this.#ask(
      `head ${name}`,
      (storage) => storage.head(name),
    );
    if (answer.kind === "refused") this.#missing(name, answer.error.code, span, what);
    if (answer.kind === "done") this.#see(name, answer.result, floor, span, what);
  }

  /** A listing is as fresh as a look at each stream, and has all that nobody deletes. */
  async #list(): Promise<void> {
    const { answer, floor, span, what } = await this.#ask(
      "list",
      (storage) => storage.list({ limit: 100 }),
    );
    if (answer.kind !== "done") return;
    const { streams } = answer.result;
    const names = streams.map(({ name }) => name);
    expect(names.join() === [...names].sort().join(), `${what}: ${names} are out of order`);
    for (const info of streams) this.#ledger.see(info.name, info, floor, span, what);
    for (const name of FOREVER_NAMES) {
      if (!names.includes(name)) this.#ledger.missing(name, span, this.#world.nowMs, what);
    }
  }

  async #read(name: string): Promise<void> {
    const random = this.#random;
    const from = random.chance(0.6) ? this.#offset(name) ?? 0 : 0;
    const limit = random.pick([4096, 20_000, 1_000_000]);
    const { answer, floor, span, what } = await this.#ask(
      `read ${name} from ${JSON.stringify(from)}`,
      (storage) => storage.read(name, from, limit),
    );
    if (answer.kind === "refused") return this.#readRefused(name, from, answer, span, what);
    if (answer.kind !== "done") return;
    const { data, start, next, space, tail } = answer.result;
    const at = typeof from === "number" ? from : from.position;
    expect(start === at && next === at + data.length, `${what}: it is of ${start} to ${next}`);
    expect(next > at || at === tail, `${what}: it doesn't move on`);
    this.#ledger.book.learn(space, start, data, what);
    // A read is a use, too, which is noted in passing: it may be forgotten with its front end.
    this.#see(name, answer.result, floor, span, what);
    this.#learnOffset(name, space, next);
  }

  #readRefused(
    name: string,
    from: number | StreamOffset,
    { error }: Extract<Answer<ReadResult>, { kind: "refused" }>,
    span: Span,
    what: string,
  ): void {
    // Of a stream that was there before it.
    if (typeof from === "object" && (error.code === "offset_gone")) {
      expect(!FOREVER_NAMES.includes(name), `${what}: ${error.message}`);
      return;
    }
    this.#missing(name, error.code, span, what);
  }

  async #append(name: string): Promise<void> {
    const random = this.#random;
    // Those who append to a fork don't know of what it is one.
    if (FORK_NAMES.includes(name) && random.chance(0.5)) return await this.#read(name);
    const close = PASSING_NAMES.includes(name) && random.chance(0.05);
    const sent = this.#newSent(name, false, close && random.chance(0.5));
    await this.#send(sent, { close });
  }

  async #produce(name: string): Promise<void> {
    const random = this.#random;
    const producing = this.#producing.get(name) ?? this.#newProducing();
    this.#producing.set(name, producing);
    if (producing.pending === undefined && producing.nextSeq > 0 && random.chance(0.1)) {
      producing.epoch++;
      producing.nextSeq = 0;
    }
    const sent = producing.pending ?? this.#newSent(name, true);
    producing.pending = sent;
    const { id, epoch, nextSeq: seq } = producing;
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      const answer = await this.#send(sent, {
        producer: { id, epoch, seq },
      });
      if (answer === "unknown") continue;
      producing.pending = undefined;
      if (answer === "done") producing.nextSeq++;
      // A stream made again knows no producers. The batch stays unsettled; another producer goes on.
      else this.#producing.delete(name);
      return;
    }
  }

  #newProducing(): Producing {
    return {
      id: `p${this.#number}.${this.#producers++}`,
      epoch: 0,
      nextSeq: 0,
      pending: undefined,
    };
  }

  async #send(
    sent: Sent,
    request: Omit<AppendRequest, "body">,
  ): Promise<"done" | "refused" | "unknown"> {
    const { name, payload } = sent;
    const isEmpty = payload.body.length === 0;
    const contentType = this.#isJson(sent) ? JSON_TYPE : TEXT;
    const { answer, floor, span, what } = await this.#ask(
      `append ${name} op ${sent.id}, ${payload.stored.length} bytes, ${JSON.stringify(request)}`,
      (storage) =>
        storage.append(name, {
          ...request,
          body: payload.body,
          ...(isEmpty ? {} : { contentType }),
        }),
    );
    if (answer.kind === "unknown") return "unknown";
    if (answer.kind === "refused") {
      this.#appendRefused(sent, answer.error.code, span, what);
      return "refused";
    }
    const { space, tail, closed, duplicate } = answer.result;
    if (isEmpty) return "done";
    const known = this.#ledger.see(name, { space, tail, closed }, floor, span, what);
    this.#used(known, span);
    if (duplicate) {
      expect(sent.isRepeatable, `${what}: it is no duplicate`);
      sent.outcome = "stored";
      sent.space = space;
    } else this.#stored(sent, space, tail, what);
    this.#learnOffset(name, space, tail);
    return "done";
  }

  #appendRefused(sent: Sent, code: string, span: Span, what: string): void {
    const { name } = sent;
    if (!sent.isRepeatable) sent.outcome = "absent";
    if (code === "stream_closed") {
      return expect(!FOREVER_NAMES.includes(name), `${what}: nobody has closed it`);
    }
    if (code === "content_type_mismatch") return expect(FORK_NAMES.includes(name), what);
    if (["sequence_gap", "epoch_start"].includes(code)) {
      return expect(!FOREVER_NAMES.includes(name), `${what}: ${code}, and the batch is the next`);
    }
    this.#missing(name, code, span, what);
  }

  #stored(sent: Sent, space: OffsetSpace, end: number, what: string): void {
    const { stored } = sent.payload;
    expect(sent.outcome !== "absent", `${what}: it was refused before`);
    sent.outcome = "stored";
    sent.space = spaceAt(space, end);
    this.#ledger.book.learn(space, end - stored.length, stored, what);
  }

  #missing(name: string, code: string, span: Span, what: string): void {
    expect(code === "not_found" || code === "gone", `${what}: ${code}`);
    this.#ledger.missing(name, span, this.#world.nowMs, what);
  }

  #see(
    name: string,
    info: Pick<ReadResult, "space" | "tail" | "closed" | "lifetime">,
    floor: Floor,
    span: Span,
    what: string,
  ): KnownStream {
    const known = this.#ledger.see(name, info, floor, span, what);
    const { lifetime } = info;
    known.lifetime = lifetime;
    if (lifetime.kind === "until") {
      expect(span.startMs < lifetime.expiresAtMs, `${what}: its time was over`);
    }
    this.#learnOffset(name, info.space, info.tail);
    return known;
  }

  #used(known: KnownStream, { startMs }: Span): void {
    known.usedMs = Math.max(known.usedMs, startMs);
  }

  #newSent(name: string, isRepeatable: boolean, isEmpty = false): Sent {
    const random = this.#random;
    const id = this.#ledger.sent.size + 1;
    const isLong = random.chance(0.08);
    const length = isLong ? random.below(LONGEST_BYTES) : random.pick([3, 10, 100, 1000]);
    const json = isJson(name) || FORK_NAMES.includes(name) && random.chance(0.5);
    const payload: Payload = isEmpty
      ? { body: NO_BYTES, stored: NO_BYTES, ends: [] }
      : makePayload(json, id, length, json ? random.between(1, 3) : 1);
    const sent: Sent = { id, name, payload, isRepeatable, outcome: "unknown", space: undefined };
    this.#ledger.sent.set(id, sent);
    return sent;
  }

  #isJson({ payload }: Sent): boolean {
    return payload.stored.at(-1) === "\n".charCodeAt(0);
  }

  #offset(name: string): StreamOffset | undefined {
    const known = this.#offsets.get(name) ?? [];
    return known.length === 0 ? undefined : this.#random.pick(known);
  }

  #learnOffset(name: string, space: OffsetSpace, position: number): void {
    const known = this.#offsets.get(name) ?? [];
    this.#offsets.set(name, known);
    known.push({ space: spaceAt(space, position), position });
  }

  /** Asks any front end, and notes what comes of it. */
  async #ask<T>(
    request: string,
    call: (storage: Storage) => Promise<T>,
    begin: (span: Span) => void = () => {},
  ): Promise<Call<T>> {
    const world = this.#world;
    const frontEnd = world.pickFrontEnd(this.#random);
    const what = `client ${this.#number}, front end ${frontEnd.number}: ${request}`;
    world.note(what);
    const floor = this.#ledger.floor();
    const span: Span = { start: world.nextEvent(), startMs: world.nowMs, end: Infinity };
    begin(span);
    const answer = await askOf(frontEnd, world.clientTimeout(this.#random), call);
    const end = world.nextEvent();
    if (answer.kind !== "unknown") span.end = end;
    // Who gets no answer waits for a while, so that not all is asked for while nothing can be answered.
    else if (!world.isHealed) await wait(world.clock, this.#random.below(LONGEST_PAUSE_MS));
    world.note(`${what} -> ${describe(answer)}`);
    return { answer, span, floor, what };
  }
}

function describe(answer: Answer<unknown>): string {
  if (answer.kind === "refused") return answer.error.code;
  if (answer.kind === "unknown") return `no answer: ${answer.reason}`;
  return JSON.stringify(answer.result, (key, value) => key === "data" ? "…" : value) ?? "done";
}
