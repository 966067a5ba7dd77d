import type { ClientError } from "../../../client/errors/client_error.ts";
import { isTransient } from "../../../client/transport/response_error.ts";
import type { Middleware } from "../../../client/transport/transport.ts";

/** The server was never reached; `cause` is why. No command waits for it, unlike for one that is lost later. */
export class ServerUnreachable extends Error {
  override readonly name = "ServerUnreachable";
  override readonly cause: ClientError;

  constructor(cause: ClientError) {
    super(cause.message);
    this.cause = cause;
  }
}

/**
 * Distinguishes a server that was never reached from one that is lost: readers and producers wait for the
 * latter, and a user with a wrong URL wants to know at once.
 */
export function withUnreachable(): Middleware {
  let reached = false;
  return (next) => async (request) => {
    try {
      const response = await next(request);
      reached = true;
      return response;
    } catch (error) {
      throw !reached && isTransient(error) ? new ServerUnreachable(error) : error;
    }
  };
}
