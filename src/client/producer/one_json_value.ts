import { ClientError } from "../errors/client_error.ts";
import { reasonOf } from "../errors/reason.ts";

const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Checks that a message of a JSON stream is the text of one JSON value: otherwise the server would reject
 * the whole batch, or store several messages.
 *
 * @throws {ClientError} `invalid_argument`
 */
export function checkOneJsonValue(message: string | Uint8Array): void {
  try {
    JSON.parse(typeof message === "string" ? message : strictUtf8.decode(message));
  } catch (error) {
    throw new ClientError(
      "invalid_argument",
      `The message is not one JSON value: ${reasonOf(error)}`,
      { cause: error },
    );
  }
}
