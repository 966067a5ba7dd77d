import { ClientError } from "./client_error.ts";

/**
 * An answer that isn't whole, or isn't one of the server's: something between may have done that, so
 * asking again can help. What comes of it for the caller is an `invalid_response`.
 */
export class MalformedResponse extends ClientError {
  constructor(message: string, cause?: unknown) {
    super("invalid_response", message, { cause });
  }
}
