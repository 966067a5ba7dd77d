import { STREAM_SNAPSHOT_OFFSET, STREAM_SNAPSHOT_SUB_OFFSET } from "../protocol/headers.ts";
import { type Data, toBody } from "./producer/body.ts";
import { jsonText } from "./producer/json_text.ts";
import {
  fetchSnapshot,
  isNoSnapshot,
  type Snapshot,
  snapshotOffsetIn,
  snapshotUrl,
} from "./reader/snapshot.ts";
import type { CallOptions } from "./transport/call_options.ts";
import type { Connection } from "./transport/connection.ts";
import { defined } from "./transport/defined.ts";
import { parsePlace } from "./transport/place.ts";

/** What a snapshot is of. */
export interface SnapshotOptions extends CallOptions {
  /** The place up to which the stream is in it: the `offset` of a message, a reader or a writer. */
  offset: string;
  /** `application/octet-stream` unless given. */
  contentType?: string | undefined;
}

/**
 * The snapshots of a stream: an application's state as of an offset, kept beside the stream, of which the
 * newest one stays (an extension of this project's server).
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { createApp } from "../server/app.ts";
 * import { createMemoryStorage } from "../storage/memory.ts";
 * import { Client } from "./client.ts";
 * import { fetchTransport } from "./transport/transport.ts";
 *
 * const app = createApp({ storage: createMemoryStorage() });
 * const transport = fetchTransport({ fetch: (url, init) => app.request(url, init) });
 * const client = new Client("http://localhost/v1/stream", { transport });
 * await client.create("sums", { contentType: "application/json", initialData: "[1, 2, 3]" });
 *
 * const before = client.reader("sums", { readMode: "catch-up" });
 * let sum = 0;
 * for await (const value of before.json<number>()) sum += value;
 * await client.snapshot("sums").putJson({ sum }, { offset: before.offset });
 * await client.writer("sums").sendJson(4);
 *
 * // A new reader begins with that sum, and reads what came since.
 * const after = client.reader("sums", { from: "snapshot", readMode: "catch-up" });
 * const snapshot = await after.snapshot();
 * assert.deepEqual(snapshot?.json(), { sum: 6 });
 * assert.deepEqual(await after.allJson(), [4]);
 * ```
 */
export class Snapshots {
  readonly path: string;
  readonly #connection: Connection;

  /** Made by `Client.snapshot`. */
  constructor(connection: Connection, path: string) {
    this.path = path;
    this.#connection = connection;
  }

  /**
   * Keeps a state in place of the one that is kept.
   *
   * @returns the offset that it is of
   * @throws {ClientError} `conflict` where the one that is kept is of a later offset; `not_found`, `gone`,
   * `too_large`, `unsupported`
   */
  async put(state: Data, options: SnapshotOptions): Promise<string> {
    const { contentType, signal } = options;
    const { offset, skip } = parsePlace(options.offset);
    const connection = this.#connection.adding(options);
    const headers = defined({
      "content-type": contentType,
      [STREAM_SNAPSHOT_OFFSET]: offset,
      [STREAM_SNAPSHOT_SUB_OFFSET]: skip === 0 ? undefined : String(skip),
    });
    const url = snapshotUrl(connection, this.path);
    const body = await toBody(state, signal);
    return await connection.request(
      { method: "PUT", url, headers, body, signal, repeatable: true },
      ({ headers }) => snapshotOffsetIn(headers),
    );
  }

  /** As `put`, a value as its JSON. */
  async putJson(state: unknown, options: SnapshotOptions): Promise<string> {
    const { contentType = "application/json" } = options;
    return await this.put(jsonText(state), { ...options, contentType });
  }

  /**
   * The newest one; `undefined` where there is none.
   *
   * @throws {ClientError} `not_found`, `gone`, `unsupported`
   */
  async get(options: CallOptions = {}): Promise<Snapshot | undefined> {
    return await fetchSnapshot(this.#connection.adding(options), this.path, options.signal);
  }

  /**
   * Lets go of it.
   *
   * @returns false where there was none
   * @throws {ClientError} `not_found`, `gone`, `unsupported`
   */
  async delete(options: CallOptions = {}): Promise<boolean> {
    // A server without snapshots would delete the stream.
    const snapshot = await this.get(options);
    if (snapshot === undefined) return false;
    const connection = this.#connection.adding(options);
    const { signal } = options;
    const url = snapshotUrl(connection, this.path);
    // By this the server knows what is meant where a proxy drops the query.
    const headers = { [STREAM_SNAPSHOT_OFFSET]: snapshot.offset };
    try {
      await connection.send({ method: "DELETE", url, headers, signal, repeatable: true });
      return true;
    } catch (error) {
      // Where there is none any more, an earlier attempt may have deleted it.
      if (isNoSnapshot(error)) return error.repeated;
      throw error;
    }
  }
}
