import { Client } from "../../../client/client.ts";
import { ClientError } from "../../../client/errors/client_error.ts";
import { reasonOf } from "../../../client/errors/reason.ts";
import type { Producer } from "../../../client/producer/producer.ts";
import type { Middleware } from "../../../client/transport/transport.ts";
import { type Bytes, hasByteOrderMark, NO_BYTES } from "../../../protocol/bytes.ts";
import { isJsonType } from "../../../protocol/content_type.ts";
import { BYTE_ORDER_MARK_FAULT } from "../../../protocol/json.ts";
import { STREAM_CLOSED, STREAM_NEXT_OFFSET } from "../../../protocol/headers.ts";
import { CommandError } from "../../context/command_error.ts";
import { EXIT } from "../../context/exit_code.ts";
import type { CommandContext } from "../../context/command_context.ts";
import { formatSize } from "../../flags/units.ts";
import { undeliveredIn } from "../output/error_message.ts";
import type { KnownStream } from "../session/ensure_stream.ts";
import { LineSplitter } from "./line_splitter.ts";
import { Progress } from "../output/progress.ts";
import { onlyName, type Session } from "../session/session.ts";
import type { StreamTask } from "../session/stream_command.ts";
import { WHOLE_INPUT_LIMIT_BYTES } from "./text_input.ts";

/**
 * The limits of a batch of lines. Users rely on them: a second run over the same input has to cut it as the
 * first one did, even if it is of a newer version.
 */
const MAX_BATCH_BYTES = 2 ** 20;
const MAX_BATCH_LINES = 10_000;
/** In a stream that isn't JSON, a longer line is sent in parts of this size. */
const MAX_LINE_BYTES = MAX_BATCH_BYTES;
/** How long a line waits for others, since somebody may watch the stream. */
const LINGER_MS = 5;

/** How lines are appended. */
export interface LinesOptions {
  /** Id of the producer; with it, appending the same input again changes nothing. */
  readonly producer: string | undefined;
  readonly epoch: number;
  /** Closes the stream with the last line. */
  readonly close: boolean;
}

/**
 * Appends stdin line by line.
 *
 * @throws {ClientError}
 * @throws {CommandError} if the stream doesn't take a line
 */
export async function appendLines(
  task: StreamTask,
  stream: KnownStream,
  options: LinesOptions,
): Promise<void> {
  const { context, session } = task;
  const failed = Promise.withResolvers<never>();
  failed.promise.catch(() => {});
  const client = options.producer !== undefined && options.close && stream.closed
    ? clientOfClosed(session, stream)
    : session.client;
  const producer = client.producer(onlyName(session), {
    id: options.producer ?? crypto.randomUUID(),
    epoch: options.epoch,
    contentType: stream.contentType,
    maxBatchBytes: MAX_BATCH_BYTES,
    maxBatchMessages: MAX_BATCH_LINES,
    lingerMs: options.producer === undefined ? LINGER_MS : Infinity,
    maxElapsedMs: session.maxElapsedMs,
    onError: failed.reject,
  });
  const progress = new Progress(context, context.errorsIsTerminal && !context.inputIsTerminal);
  const lines = new LineSender(producer, isJsonType(stream.contentType));
  try {
    // Reports a failure at once, not when the next line comes.
    await Promise.race([sendAll(context, lines, progress), failed.promise]);
  } catch (error) {
    if (!(error instanceof BadLine)) throw lines.explain(error);
    // With a producer's id the rest of a batch must not be sent: the next run may cut it differently.
    if (options.producer === undefined) await producer.close();
    throw error.toCommandError(options.producer !== undefined);
  } finally {
    progress.end();
  }
  try {
    if (options.close) await producer.closeStream();
    await producer.close();
  } catch (error) {
    throw lines.explain(error);
  }
}

async function sendAll(
  context: CommandContext,
  lines: LineSender,
  progress: Progress,
): Promise<void> {
  const splitter = new LineSplitter(lines.isJson ? WHOLE_INPUT_LIMIT_BYTES : MAX_LINE_BYTES);
  for await (const chunk of context.input) {
    await lines.send(splitter.push(chunk));
    progress.add(chunk.length);
  }
  await lines.send(splitter.end());
}

class LineSender {
  readonly isJson: boolean;
  readonly #producer: Producer;
  #number = 0;
  /** The lines that fill a batch alone and aren't stored. */
  readonly #long = new Set<LongLine>();

  constructor(producer: Producer, isJson: boolean) {
    this.#producer = producer;
    this.isJson = isJson;
  }

  async send(lines: readonly Bytes[]): Promise<void> {
    for (const line of lines) {
      this.#number++;
      if (this.isJson && isBlank(line)) continue;
      const fault = this.isJson ? faultOf(line) : undefined;
      if (fault !== undefined) throw new BadLine(this.#number, new Error(fault));
      try {
        const { stored } = await this.#producer.send(line);
        if (this.isJson && line.length >= MAX_BATCH_BYTES) this.#watch(line.length, stored);
      } catch (error) {
        const isInvalid = error instanceof ClientError && error.code === "invalid_argument";
        throw isInvalid ? new BadLine(this.#number, error) : error;
      }
    }
  }

  /** The error to report: if the server rejected a batch as too large, it names the line. */
  explain(error: unknown): unknown {
    if (!(error instanceof ClientError) || error.code !== "too_large") return error;
    const { undelivered, cause } = error;
    const reason = reasonOf(cause).replace(/\.$/, "");
    const lost = undelivered === undefined ? "" : undeliveredIn(undelivered);
    // If any line is too long, the longest is.
    const [line] = [...this.#long].sort((a, b) => b.bytes - a.bytes);
    const what = line === undefined
      ? `lines go in batches of up to ${formatSize(MAX_BATCH_BYTES)}, and the server takes less`
      : `line ${line.number} has ${line.bytes} bytes, and the server takes less`;
    return new CommandError(`${what}: ${reason}${lost}`, EXIT.failure);
  }

  #watch(bytes: number, stored: Promise<unknown>): void {
    const line = { number: this.#number, bytes };
    this.#long.add(line);
    stored.then(() => this.#long.delete(line), () => {});
  }
}

interface LongLine {
  readonly number: number;
  readonly bytes: number;
}

const LINE_FEED = 0x0a;
const NO_END =
  `it has ${formatSize(WHOLE_INPUT_LIMIT_BYTES)} and no end yet, and one value has to be ` +
  "shorter";

/** A fault of a JSON line that the parser's message wouldn't show. */
function faultOf(line: Bytes): string | undefined {
  if (line.length === WHOLE_INPUT_LIMIT_BYTES && line.at(-1) !== LINE_FEED) return NO_END;
  return hasByteOrderMark(line) ? BYTE_ORDER_MARK_FAULT : undefined;
}

class BadLine extends Error {
  override readonly name = "BadLine";
  readonly #line: number;

  constructor(line: number, cause: Error) {
    super(cause.message, { cause });
    this.#line = line;
  }

  toCommandError(hasProducer: boolean): CommandError {
    const before = hasProducer
      ? "correct it and run this again: what came before it is not appended twice"
      : "the lines before it are appended, and none after it";
    const reason = this.message.replace(/\.$/, "");
    return new CommandError(`line ${this.#line}: ${reason}; ${before}`, EXIT.failure);
  }
}

const BLANKS: ReadonlySet<number> = new Set([0x20, 0x09, 0x0a, 0x0d]);

function isBlank(line: Bytes): boolean {
  return line.every((byte) => BLANKS.has(byte));
}

/**
 * A client for a stream that is already closed, perhaps by an earlier run over the same input. The server
 * recognizes only the batch that closed the stream as a repetition: that batch alone is sent, and its
 * sequence number shows that all the others were stored before it.
 */
function clientOfClosed(session: Session, { nextOffset }: KnownStream): Client {
  const withStored: Middleware = (next) => (request) => {
    if (request.method !== "POST" || request.headers[STREAM_CLOSED] !== undefined) {
      return next(request);
    }
    const headers = new Headers({ [STREAM_NEXT_OFFSET]: nextOffset });
    return Promise.resolve({ status: 204, headers, body: NO_BYTES, stream: undefined });
  };
  return new Client(session.baseUrl, { transport: withStored(session.transport) });
}
