import { ClientError } from "./client_error.ts";
import type { Connection } from "./connection.ts";
import { askStreamInfo } from "./stream_info.ts";

/** A stream's content type, asked for once: every append has to name it (PROTOCOL §5.2). */
export class StreamType {
  readonly #connection: Connection;
  readonly #path: string;
  #known: string | undefined;

  /** @param known the type, where the caller knows it */
  constructor(connection: Connection, path: string, known: string | undefined) {
    this.#connection = connection;
    this.#path = path;
    this.#known = known;
  }

  /**
   * The content type.
   *
   * @throws {ClientError}
   */
  async get(signal?: AbortSignal): Promise<string> {
    this.#known ??= await this.#ask(signal);
    return this.#known;
  }

  async #ask(signal: AbortSignal | undefined): Promise<string> {
    const { contentType } = await askStreamInfo(this.#connection, this.#path, signal);
    if (contentType !== undefined) return contentType;
    throw new ClientError(
      "invalid_response",
      `The server doesn't tell the content type of ${JSON.stringify(this.#path)}: name it.`,
    );
  }
}
