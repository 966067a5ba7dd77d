import { ClientError, type ClientErrorCode } from "../../../client/errors/client_error.ts";
import { isServerFailure } from "../../../client/transport/response_error.ts";
import type { Middleware } from "../../../client/transport/transport.ts";
import { PROGRAM } from "../../context/program_name.ts";
import type { CommandContext } from "../../context/command_context.ts";

const RATE_LIMITED = 429;

/** Failures of which nobody knows whether the server did what it was asked. */
export const OUTCOME_UNKNOWN: ReadonlySet<ClientErrorCode> = new Set(["network", "timeout"]);

/**
 * Says on stderr when a server that was there is waited for, and when it is back. A server that was
 * never there is the command's failure, which is told once, at its end.
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
      // What can't be repeated isn't waited for.
      if (isLost && request.repeatable) lost("doesn't answer");
      throw error;
    }
  };
}
