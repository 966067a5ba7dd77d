import type { Client } from "../client/client.ts";
import { ClientError } from "../client/errors/client_error.ts";
import type { Producer } from "../client/producer/producer.ts";
import type { Clock } from "../env/clock.ts";
import { FAILED_TEXT, INCOMPLETE_TEXT, SILENT_TEXT } from "./chat_error.ts";
import { isMissing } from "./chat_log.ts";
import { type ChatRun, type ChatSource, chunksOf, discard } from "./chat_source.ts";
import { untilAborted } from "../client/transport/until_aborted.ts";
import { endAnswer, isClosed } from "./end_answer.ts";
import { ALIVE_CHUNK, isLastChunk, type UiChunk, type UiMessageChunk } from "./ui_chunk.ts";

/**
 * How an answer ended: `finished` as the model wanted, `stopped`, `failed` with an error that the page
 * shows; `elsewhere` where another worker writes it.
 */
export type ChatOutcome = "finished" | "stopped" | "failed" | "elsewhere";

/** What an {@link AnswerWriter} writes, and where. */
export interface AnswerWriterOptions {
  readonly client: Client;
  readonly path: string;
  readonly answer: string;
  /** The id of the message that it becomes, where the source gives none. */
  readonly messageId: string;
  readonly source: (run: ChatRun) => ChatSource | Promise<ChatSource>;
  readonly before: readonly UiChunk[];
  readonly restart: "go-on" | "fail" | undefined;
  readonly errorText: (error: unknown) => string;
  readonly leaseMs: number;
  readonly maxOutageMs: number;
  readonly clock: Clock;
}

/** How many signs of life a lease has room for: two may get lost. */
const SIGNS_PER_LEASE = 3;

/** Writes one answer from its source to its last chunk, unless it is stopped before. */
export class AnswerWriter {
  readonly #options: AnswerWriterOptions;
  readonly #producer: Producer;
  /** Aborted, with why, once nothing more is to be written. */
  readonly #end = new AbortController();
  readonly #watching = new AbortController();
  #isBegun: boolean;
  #outcome: ChatOutcome | undefined;
  #cancelSign = () => {};

  constructor(options: AnswerWriterOptions) {
    const { client, path, restart, maxOutageMs, before } = options;
    this.#options = options;
    this.#isBegun = before.length > 0;
    this.#producer = client.producer(path, {
      id: "writer",
      contentType: "application/json",
      // The next epoch: a worker that was taken for dead and isn't writes nothing more.
      autoClaim: restart !== undefined,
      maxElapsedMs: maxOutageMs,
      onError: (error) => this.#end.abort(error),
    });
  }

  /** Writes all of it; resolves to how it ended. */
  async run(): Promise<ChatOutcome> {
    this.#planSign();
    void this.#watch(this.#watching.signal);
    try {
      return await this.#write();
    } catch (error) {
      return this.#outcome ??
        await this.#fail(this.#end.signal.aborted ? this.#end.signal.reason : error);
    } finally {
      this.#cancelSign();
      this.#watching.abort();
      // For the model: also where it was another's doing that the answer ended.
      this.#end.abort(new ClientError("ended", "The answer has ended."));
    }
  }

  async #write(): Promise<ChatOutcome> {
    const { source, answer, before, restart, clock, leaseMs } = this.#options;
    if (restart === "fail") return await this.#close(errorChunk(SILENT_TEXT));
    const { signal } = this.#end;
    const making = Promise.resolve(source({ signal, answer, before }));
    // One that comes too late isn't read, and is told so.
    making.then((late) => signal.aborted && discard(late), () => {});
    const made = await untilAborted(making, signal);
    for await (const chunk of chunksOf(made, signal)) {
      // What a source does after its last chunk has its time, a lease, but is no part of the answer.
      if (this.#outcome !== undefined) continue;
      if (isLastChunk(chunk)) {
        this.#outcome = await this.#close(chunk);
        this.#cancelSign = clock.setTimer(leaseMs, () => this.#end.abort(STOPPED));
      } else await this.#send(chunk);
    }
    return this.#outcome ?? await this.#close(errorChunk(INCOMPLETE_TEXT));
  }

  async #send(chunk: UiChunk): Promise<void> {
    const isStart = chunk.type === "start";
    // A message has one start, and an id that is the same in every replay.
    if (isStart && this.#isBegun) return;
    if (!isStart && !this.#isBegun) await this.#sendStart();
    this.#isBegun = true;
    await this.#producer.sendJson(isStart ? this.#named(chunk) : chunk);
    this.#planSign();
  }

  #named(start: UiChunk): UiChunk {
    if ("messageId" in start && start.messageId !== undefined) return start;
    return { ...start, ...{ messageId: this.#options.messageId } };
  }

  async #sendStart(): Promise<void> {
    const start: UiMessageChunk = { type: "start", messageId: this.#options.messageId };
    await this.#producer.sendJson(start);
  }

  /** The last chunk, and the stream's end, in one batch. */
  async #close(last: UiChunk): Promise<ChatOutcome> {
    this.#cancelSign();
    // It would take this end for another's.
    this.#watching.abort();
    if (!this.#isBegun) await this.#sendStart();
    const sent = this.#producer.sendJson(last);
    await Promise.all([sent, this.#producer.closeStream()]);
    if (last.type === "finish") return "finished";
    return last.type === "abort" ? "stopped" : "failed";
  }

  async #fail(error: unknown): Promise<ChatOutcome> {
    if (isClosed(error) || error === STOPPED) return "stopped";
    if (error instanceof ClientError && error.code === "stale_epoch") return "elsewhere";
    const { client, path, errorText } = this.#options;
    try {
      // What was sent before it comes before it; not by the producer, which may be what has failed.
      await this.#producer.flush().catch(() => {});
      const last = errorChunk(textFor(error, errorText));
      return await endAnswer(client, path, last) ? "failed" : "stopped";
    } catch {
      // Not even that: readers find out by the silence.
      return "failed";
    }
  }

  /** Hears of a stop while the model says nothing; otherwise the next append does. */
  async #watch(signal: AbortSignal): Promise<void> {
    const { client, path } = this.#options;
    try {
      const reader = client.reader(path, { offset: "now", maxElapsedMs: Infinity, signal });
      while (!reader.closed) await reader.read();
      this.#end.abort(STOPPED);
    } catch (error) {
      // Of a deleted answer nothing is wanted any more.
      if (isMissing(error)) this.#end.abort(STOPPED);
    }
  }

  /** A sign of life, unless a chunk comes before. */
  #planSign(): void {
    this.#cancelSign();
    const { clock, leaseMs } = this.#options;
    this.#cancelSign = clock.setTimer(leaseMs / SIGNS_PER_LEASE, () => {
      // While the server is away one sign that waits is enough.
      if (this.#producer.gauges.bufferedBytes === 0) {
        this.#producer.sendJson(ALIVE_CHUNK).catch(() => {});
      }
      this.#planSign();
    });
  }
}

/** Why the model is aborted where somebody else has ended its answer. */
const STOPPED = new ClientError("ended", "The answer was stopped.");

/** What the application says of a failure; it must not fail itself. */
function textFor(error: unknown, errorText: (error: unknown) => string): string {
  try {
    const text: unknown = errorText(error);
    if (typeof text === "string") return text;
  } catch {
    // Its text is as if it gave none.
  }
  return FAILED_TEXT;
}

function errorChunk(errorText: string): UiMessageChunk {
  return { type: "error", errorText };
}
