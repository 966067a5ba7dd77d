import { deepEqual, equal, ok } from "node:assert/strict";
import { type AskedServer, attempt } from "./killed_server.ts";
import { LongPollReader, type ResumingReader, SseReader } from "./readers.ts";
import { type Message, PlainWriter, Producer } from "./writers.ts";

/** One stream with its writers, producers and readers. */
export class LoadedStream {
  readonly #name: string;
  readonly #writers: PlainWriter[];
  readonly #producers: Producer[];
  readonly #readers: ResumingReader[] = [new LongPollReader(), new SseReader()];

  /** @param pauseMs between two appends of one writer */
  constructor(name: string, pauseMs = 0) {
    this.#name = name;
    this.#writers = [0, 1, 2].map((i) => new PlainWriter(`${name} writer ${i}`, pauseMs));
    this.#producers = [0, 1].map((i) => new Producer(`${name} producer ${i}`, pauseMs));
  }

  /** How many appends of each of its writers were acknowledged. */
  get acknowledged(): number[] {
    return [
      ...this.#writers.map(({ acknowledged }) => acknowledged.size),
      ...this.#producers.map(({ acknowledged }) => acknowledged),
    ];
  }

  /** Whether each of its writers has had something acknowledged. */
  get hasWritten(): boolean {
    return this.#writers.every(({ acknowledged }) => acknowledged.size > 0) &&
      this.#producers.every(({ acknowledged }) => acknowledged > 0);
  }

  /** Makes it. */
  async create(server: AskedServer): Promise<void> {
    const headers = { "content-type": "application/json" };
    const answer = await attempt(server, this.#name, { method: "PUT", headers });
    // 200 where an attempt without an answer has made it.
    ok(answer?.status === 201 || answer?.status === 200, `${answer?.status}`);
  }

  /** All its writers, until it is over. */
  write(server: AskedServer, isOver: () => boolean): Promise<void>[] {
    return [...this.#writers, ...this.#producers].map((writer) =>
      writer.run(server, this.#name, isOver)
    );
  }

  /** All its readers, until it is closed. */
  read(server: AskedServer): Promise<void>[] {
    return this.#readers.map((reader) => reader.run(server, this.#name));
  }

  /** Closes it. */
  async close(server: AskedServer): Promise<void> {
    const init = { method: "POST", headers: { "stream-closed": "true" } };
    // A kept connection may end as it is used again; closing again is as closing once.
    const answer = await attempt(server, this.#name, init) ??
      await attempt(server, this.#name, init);
    equal(answer?.status, 204);
  }

  /** All of it, chunk by chunk. */
  async stored(server: AskedServer): Promise<Message[]> {
    const messages: Message[] = [];
    for (let offset = "-1";;) {
      const answer = await attempt(server, `${this.#name}?offset=${offset}`, {});
      ok(answer !== undefined && answer.status === 200);
      messages.push(...JSON.parse(new TextDecoder().decode(answer.body)));
      offset = answer.headers.get("stream-next-offset") ?? "";
      if (answer.headers.get("stream-up-to-date") === "true") return messages;
    }
  }

  /** What is stored is all that was acknowledged, nothing twice, in order, and what readers have seen. */
  check(stored: readonly Message[]): void {
    for (const { name, acknowledged, sent } of this.#writers) {
      const numbers = stored.filter(({ writer }) => writer === name).map(({ n }) => n);
      ok(numbers.every((n, i) => i === 0 || n > (numbers[i - 1] ?? n)), `${name}: once, in order`);
      ok(numbers.every((n) => n < sent), `${name}: nothing that was never sent`);
      const there = new Set(numbers);
      const lost = [...acknowledged].filter((n) => !there.has(n));
      deepEqual(lost, [], `${name}: everything that was acknowledged`);
    }
    for (const { name, acknowledged, sent } of this.#producers) {
      const numbers = stored.filter(({ writer }) => writer === name).map(({ n }) => n);
      deepEqual(numbers, numbers.map((_, i) => i), `${name}: exactly once, in order`);
      ok(
        numbers.length >= 2 * acknowledged && numbers.length <= 2 * sent,
        `${name}: whole batches`,
      );
    }
    for (const reader of this.#readers) {
      deepEqual(reader.seen, stored, `${reader.constructor.name} of ${this.#name} saw each once`);
    }
  }
}
