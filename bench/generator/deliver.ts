import { processMemoryBytes } from "../system/process_figures.ts";
import { bun } from "../system/bun.ts";
import { AppendRequest } from "./append_request.ts";
import type { DeliverCommand, Measurement } from "./commands.ts";
import { Connection, type Driver } from "./connection.ts";
import { sleep } from "./figures.ts";
import { Histogram } from "./histogram.ts";
import { LiveReader, type LiveReaderEvents, MARKER } from "./live_reader.ts";
import { pathOfStream } from "./requests.ts";
import { timedWindow } from "./timed_window.ts";

const CONTENT_TYPE = "text/plain";
const TICK_MILLIS = 1;
const OPEN_AT_ONCE = 64;
const SETTLE_MILLIS = 300;
const DRAIN_MILLIS = 2_000;
const MAX_ERRORS = 1_000;
/** With fewer readers the server's memory says nothing about one. */
const READERS_TO_WEIGH = 1000;

const nanoseconds = bun()?.nanoseconds ?? (() => performance.now() * 1e6);

/**
 * Appends, and counts how long each takes to reach each live reader: from when it was due, at a pace, or
 * from when it was sent, where the next one waits for the last to be seen.
 */
export async function deliver(command: DeliverCommand): Promise<Measurement> {
  const delivery = new Delivery(command);
  try {
    return await delivery.run();
  } finally {
    delivery.close();
  }
}

/** What is known of one stream and its appending connection. */
interface Lane {
  readonly request: Uint8Array;
  readonly sentAtNanos: number[];
  acknowledged: number;
  sent: number;
  /** How many its slowest reader has seen, kept only where that is waited for. */
  seenByAll: number;
  readersAtNext: number;
}

class Delivery implements Driver<Connection>, LiveReaderEvents {
  readonly #command: DeliverCommand;
  readonly #histogram = new Histogram();
  readonly #lanes: Lane[] = [];
  readonly #writers: Connection[] = [];
  readonly #readers: LiveReader[] = [];
  #startNanos = 0;
  #added = 0;
  #stopped = false;
  #errors = 0;
  #firstError: string | undefined;

  constructor(command: DeliverCommand) {
    this.#command = command;
    const { streams, target } = command;
    const body = new Uint8Array(command.bodyBytes).fill("x".charCodeAt(0));
    body[0] = MARKER;
    const shape = { target, streams, contentType: CONTENT_TYPE, body, connection: 0 };
    for (let index = 0; index < streams.count; index++) {
      this.#lanes.push({
        request: new AppendRequest(shape).to(index),
        sentAtNanos: [],
        acknowledged: 0,
        sent: 0,
        seenByAll: 0,
        readersAtNext: 0,
      });
    }
  }

  async run(): Promise<Measurement> {
    const { target, watched, streams, pace } = this.#command;
    for (let index = 0; index < streams.count; index++) {
      this.#writers.push(await Connection.open(target, index, this));
    }
    const memoryPerReader = await this.#openReaders(watched.pid);
    this.#startNanos = nanoseconds();
    const ticker = setInterval(() => this.#tick(), TICK_MILLIS);
    if (pace === undefined) this.#lanes.forEach((_, index) => this.#add(index, nanoseconds()));
    const result = await timedWindow(this.#command, this.#histogram);
    clearInterval(ticker);
    await this.#drain();
    return {
      ...result,
      errors: this.#errors,
      firstError: this.#firstError,
      ...(pace === undefined ? {} : { askedUnits: this.#askedUnits(pace, result.seconds) }),
      ...(memoryPerReader === undefined || this.#readers.length < READERS_TO_WEIGH
        ? {}
        : { figures: { "KiB of memory/reader": memoryPerReader / 1024 } }),
    };
  }

  close(): void {
    this.#stopped = true;
    for (const writer of this.#writers) writer.close();
    for (const reader of this.#readers) reader.close();
  }

  responded(connection: Connection): void {
    const { status } = connection.response;
    const lane = this.#lanes[connection.index];
    if (lane === undefined) return;
    if (status !== 204 && status !== 200) this.#note(`append answered ${status}`);
    lane.acknowledged++;
    this.#sendNext(connection.index);
  }

  failed(failed: Connection | LiveReader, reason: string): void {
    this.#note(failed instanceof LiveReader ? reason : `a writer: ${reason}`);
  }

  seen(reader: LiveReader, count: number): void {
    const now = nanoseconds();
    const lane = this.#lanes[reader.stream];
    if (lane === undefined) return;
    for (let one = 0; one < count; one++) {
      const at = lane.sentAtNanos[reader.seenCount++];
      if (at === undefined) this.#note("a reader saw more than was appended");
      else this.#histogram.record(now - at);
    }
    if (this.#command.pace !== undefined) return;
    lane.readersAtNext += count;
    if (lane.readersAtNext < this.#command.readersPerStream) return;
    lane.readersAtNext = 0;
    lane.seenByAll++;
    this.#next(reader.stream, now);
  }

  // The window may just miss one append.
  #askedUnits(pace: number, seconds: number): number {
    const { streams, readersPerStream } = this.#command;
    return (pace * streams.count * seconds - 1) * readersPerStream;
  }

  /** Opens all readers, and says what memory each costs the server. */
  async #openReaders(serverPid: number | undefined): Promise<number | undefined> {
    const { streams, readersPerStream, mode, target } = this.#command;
    const memory = () => serverPid === undefined ? undefined : processMemoryBytes(serverPid);
    const before = memory();
    for (let stream = 0; stream < streams.count; stream++) {
      const path = pathOfStream(streams, stream);
      for (let index = 0; index < readersPerStream; index++) {
        this.#readers.push(new LiveReader(target, path, stream, mode, this));
      }
    }
    for (let at = 0; at < this.#readers.length; at += OPEN_AT_ONCE) {
      const batch = this.#readers.slice(at, at + OPEN_AT_ONCE);
      await Promise.all(batch.map((reader) => reader.open()));
    }
    await sleep(SETTLE_MILLIS);
    const after = memory();
    if (before === undefined || after === undefined) return undefined;
    return (after - before) / this.#readers.length;
  }

  // All streams have the same pace, their appends evenly spread over its period.
  #tick(): void {
    const { pace, streams } = this.#command;
    if (pace === undefined || this.#stopped || this.#errors >= MAX_ERRORS) return;
    const perSecond = pace * streams.count;
    const due = Math.floor((nanoseconds() - this.#startNanos) * 1e-9 * perSecond);
    for (; this.#added < due; this.#added++) {
      const dueNanos = this.#startNanos + ((this.#added + 1) / perSecond) * 1e9;
      this.#add(this.#added % streams.count, dueNanos);
    }
  }

  #add(index: number, dueNanos: number): void {
    this.#lanes[index]?.sentAtNanos.push(dueNanos);
    this.#sendNext(index);
  }

  #sendNext(index: number): void {
    const lane = this.#lanes[index];
    const writer = this.#writers[index];
    if (lane === undefined || writer === undefined || writer.busy || this.#stopped) return;
    if (lane.sent < lane.sentAtNanos.length) {
      lane.sent++;
      writer.send(lane.request, 0);
    } else if (this.#command.pace === undefined) this.#next(index, nanoseconds());
  }

  /** Without a pace: the next append, once the last was both acknowledged and seen. */
  #next(index: number, now: number): void {
    const lane = this.#lanes[index];
    if (lane === undefined || this.#stopped) return;
    if (lane.acknowledged === lane.sent && lane.seenByAll === lane.sent) this.#add(index, now);
  }

  #note(reason: string): void {
    this.#errors++;
    this.#firstError ??= reason;
  }

  /** Waits for what was appended to reach all; what doesn't is an error. */
  async #drain(): Promise<void> {
    this.#stopped = true;
    const deadline = performance.now() + DRAIN_MILLIS;
    let missing = this.#missing();
    while (missing > 0 && performance.now() < deadline) {
      await sleep(10);
      missing = this.#missing();
    }
    if (missing === 0) return;
    this.#errors += missing;
    this.#firstError ??= `deliveries that had not come ${DRAIN_MILLIS} ms after the end`;
  }

  #missing(): number {
    let missing = 0;
    for (const reader of this.#readers) {
      missing += Math.max(0, (this.#lanes[reader.stream]?.acknowledged ?? 0) - reader.seenCount);
    }
    return missing;
  }
}
