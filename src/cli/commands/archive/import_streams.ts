import { sendAppend } from "../../../client/transport/append_request.ts";
import { joinArray } from "../../../client/transport/json_array.ts";
import { type Bytes, concatBytes } from "../../../protocol/bytes.ts";
import { CommandError } from "../../context/command_error.ts";
import { EXIT } from "../../context/exit_code.ts";
import { ContentDigest } from "../copy/content_digest.ts";
import type { Side } from "../copy/side.ts";
import { type ArchivedEnd, type ArchivedStream, hasMessages } from "./archive_line.ts";
import { cutOff, type PlacedLine } from "./read_archive.ts";

const BATCH_BYTES = 1024 * 1024;
const BATCH_LINES = 10_000;

/** What an import is of. */
export interface ImportOptions {
  /** A directory in which one stream at a time waits until all of it is known to be right. */
  readonly spool: Side;
  readonly signal: AbortSignal;
  /** Copies a stream of the spool to the target. */
  copy(name: string): Promise<void>;
  /** A stream's time is over: it isn't made again. */
  onExpired(name: string): Promise<void>;
  /** A stream was deleted while it was exported. */
  onDeleted(name: string): Promise<void>;
  readonly nowMs: () => number;
}

/**
 * Imports the streams of an export, one after the other: each is compared with its digest before anything
 * of it goes to the target.
 *
 * @throws {CommandError} where it isn't whole
 * @throws {ClientError}
 */
export async function importStreams(
  lines: AsyncIterable<PlacedLine>,
  options: ImportOptions,
): Promise<void> {
  let spooled: SpooledStream | undefined;
  let isDone = false;
  for await (const { line } of lines) {
    if (isDone) throw wrongOrder("there are lines behind its last one");
    if (line.kind === "stream") {
      if (spooled !== undefined) throw wrongOrder(`stream ${spooled.name} has no end`);
      spooled = await SpooledStream.begin(line.stream, options);
    } else if (line.kind === "done") {
      if (spooled !== undefined) throw wrongOrder(`stream ${spooled.name} has no end`);
      isDone = true;
    } else if (spooled === undefined) {
      throw wrongOrder("it has content before a stream");
    } else if (line.kind === "content") {
      await spooled.add(line.bytes);
    } else if (line.kind === "gone") {
      await spooled.drop();
      await options.onDeleted(spooled.name);
      spooled = undefined;
    } else {
      await spooled.end(line.end);
      spooled = undefined;
    }
  }
  if (!isDone) throw cutOff();
}

function wrongOrder(why: string): CommandError {
  return new CommandError(`this is no export that is whole: ${why}`, EXIT.failure);
}

/** A stream that is read from an export, and waits for its end. */
class SpooledStream {
  readonly name: string;
  readonly #stream: ArchivedStream;
  readonly #options: ImportOptions;
  readonly #digest: ContentDigest;
  /** Its time is over: its lines are only gone over. */
  readonly #isExpired: boolean;
  #batch: Bytes[] = [];
  #batchBytes = 0;

  private constructor(stream: ArchivedStream, options: ImportOptions) {
    this.name = stream.stream;
    this.#stream = stream;
    this.#options = options;
    this.#digest = new ContentDigest(hasMessages(stream));
    const { expiresAt } = stream;
    this.#isExpired = expiresAt !== undefined && Date.parse(expiresAt) <= options.nowMs();
  }

  static async begin(stream: ArchivedStream, options: ImportOptions): Promise<SpooledStream> {
    const spooled = new SpooledStream(stream, options);
    if (spooled.#isExpired) return spooled;
    const { stream: name, contentType, ttlSeconds, expiresAt } = stream;
    await options.spool.session.client.create(name, {
      contentType,
      ...(ttlSeconds !== undefined && { ttlSeconds }),
      ...(expiresAt !== undefined && { expiresAt: new Date(expiresAt) }),
      signal: options.signal,
    });
    return spooled;
  }

  async add(bytes: Bytes): Promise<void> {
    this.#digest.add([bytes]);
    if (this.#batchBytes + bytes.length > BATCH_BYTES || this.#batch.length >= BATCH_LINES) {
      await this.#flush();
    }
    this.#batch.push(bytes);
    this.#batchBytes += bytes.length;
  }

  /** It is no stream any more. */
  async drop(): Promise<void> {
    const { spool, signal } = this.#options;
    if (!this.#isExpired) await spool.session.client.delete(this.name, { signal });
  }

  async end({ sha256, closed }: ArchivedEnd): Promise<void> {
    if (this.#digest.end() !== sha256) {
      throw new CommandError(
        `stream ${
          JSON.stringify(this.name)
        } of the export isn't what was exported: its digest is ` +
          "another one. Nothing of it was imported",
        EXIT.failure,
      );
    }
    if (this.#isExpired) return await this.#options.onExpired(this.name);
    await this.#flush();
    const { client, connection } = this.#options.spool.session;
    const { signal } = this.#options;
    if (closed) await sendAppend(connection, this.name, { close: true, signal });
    await this.#options.copy(this.name);
    await client.delete(this.name, { signal });
  }

  async #flush(): Promise<void> {
    if (this.#batch.length > 0 && !this.#isExpired) {
      const { signal, spool } = this.#options;
      const { contentType } = this.#stream;
      const body = hasMessages(this.#stream) ? joinArray(this.#batch) : concatBytes(this.#batch);
      if (body.length > 0) {
        await sendAppend(spool.session.connection, this.name, { contentType, body, signal });
      }
    }
    this.#batch = [];
    this.#batchBytes = 0;
  }
}
