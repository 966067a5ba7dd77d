import { ClientError } from "./client_error.ts";

/**
 * The response is incomplete, or not from a server of this protocol: a proxy may have caused that, so a
 * retry can help. The caller gets it as `invalid_response`.
 */
export class MalformedResponse extends ClientError {
  constructor(message: string, cause?: unknown) {
    super("invalid_response", message, { cause });
  }
}
