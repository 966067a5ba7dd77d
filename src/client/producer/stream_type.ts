import { ClientError } from "../errors/client_error.ts";
import type { Connection } from "../transport/connection.ts";
import { fetchHead } from "../transport/stream_info.ts";

/** A stream's content type, which every append has to name (PROTOCOL §5.2): given, remembered or fetched. */
export class StreamType {
  readonly #connection: Connection;
  readonly #path: string;
  readonly #given: string | undefined;

  /** @param given the type, if the caller knows it */
  constructor(connection: Connection, path: string, given: string | undefined) {
    this.#connection = connection;
    this.#path = path;
    this.#given = given;
  }

  /** The type, if it is known without a request. */
  get known(): string | undefined {
    return this.#given ?? this.#connection.types.get(this.#path);
  }

  /**
   * The content type.
   *
   * @throws {ClientError}
   */
  async get(signal?: AbortSignal): Promise<string> {
    return this.known ?? await this.#fetch(signal);
  }

  /**
   * Fetches the type again, since the server rejected `contentType`: the stream may have been recreated.
   *
   * @returns the type, if it has changed
   * @throws {ClientError}
   */
  async renew(contentType: string, signal?: AbortSignal): Promise<string | undefined> {
    if (this.#given !== undefined) return undefined;
    this.forget();
    const renewed = await this.#fetch(signal);
    return renewed === contentType ? undefined : renewed;
  }

  /** Forgets the type, unless it was given. */
  forget(): void {
    this.#connection.types.set(this.#path, undefined);
  }

  async #fetch(signal: AbortSignal | undefined): Promise<string> {
    return await fetchHead(this.#connection, this.#path, signal, () => {
      const contentType = this.#connection.types.get(this.#path);
      if (contentType !== undefined) return contentType;
      throw new ClientError(
        "invalid_response",
        `The server doesn't tell the content type of ${JSON.stringify(this.#path)}: name it.`,
      );
    });
  }
}
