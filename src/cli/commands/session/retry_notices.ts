import { ClientError, type ClientErrorCode } from "../../../client/errors/client_error.ts";
import { isServerFailure, RATE_LIMITED } from "../../../client/transport/response_error.ts";
import type { Middleware } from "../../../client/transport/transport.ts";
import { PROGRAM } from "../../context/program_name.ts";
import type { CommandContext } from "../../context/command_context.ts";

/** Failures after which it is unknown whether the server has carried out the request. */
export const OUTCOME_UNKNOWN: ReadonlySet<ClientErrorCode> = new Set(["network", "timeout"]);

/**
 * Prints on stderr when the command waits for a server that it had reached, and when that is back. A
 * server that was never reached is the command's failure, printed once, at its end.
 */
export function withRetryNotices(context: CommandContext, url: string): Middleware {
  let reached = false;
  let waiting = false;
  const lost = (how: string) => {
    if (reached && !waiting) context.printError(`${PROGRAM}: waiting for ${url}, which ${how} …`);
    waiting = reached;
  };
  return (next) => async (request) => {
    try {
      const response = await next(request);
      const { status } = response;
      if (status === RATE_LIMITED || isServerFailure(response)) {
        if (status === RATE_LIMITED || request.repeatable) lost(`answers ${status}`);
      } else {
        if (waiting) context.printError(`${PROGRAM}: ${url} is back`);
        reached = true;
        waiting = false;
      }
      return response;
    } catch (error) {
      const isLost = error instanceof ClientError && OUTCOME_UNKNOWN.has(error.code);
      // A request that can't be repeated isn't waited for.
      if (isLost && request.repeatable) lost("doesn't answer");
      throw error;
    }
  };
}
