import type { ClientError } from "../../../client/errors/client_error.ts";
import { isTransient } from "../../../client/transport/response_error.ts";
import type { Middleware } from "../../../client/transport/transport.ts";

/** A server that never answered; `cause` is how. Not waited for, unlike one that is lost later. */
export class ServerUnreachable extends Error {
  override readonly name = "NeverReached";
  override readonly cause: ClientError;

  constructor(cause: ClientError) {
    super(cause.message);
    this.cause = cause;
  }
}

/**
 * Tells a server that was never there from one that is lost: readers and producers wait for the one that
 * they knew, and a user with a wrong URL wants to hear of it now.
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
