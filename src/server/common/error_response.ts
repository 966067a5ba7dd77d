import { getLogger } from "@logtape/logtape";
import type { HttpRequest, HttpResponse } from "../../http/handler.ts";
import { StreamError } from "../../protocol/errors.ts";
import { requestIdOf } from "../../http/request_id.ts";
import { failureResponse, internalError } from "./errors.ts";
import type { Counters } from "./counters.ts";

const logger = getLogger(["durable-streams", "server"]);

/**
 * The response to a request that failed; defects of the server itself go to its log.
 *
 * @param request named there, as it is in the response
 */
export function errorResponse(
  counters: Counters,
  error: unknown,
  request?: HttpRequest,
): HttpResponse {
  if (error instanceof StreamError) {
    counters.addError(error.code);
    if (error.code === "damaged") logger.error(error.message, idOf(request));
    return failureResponse(error);
  }
  counters.internalErrors++;
  logger.error("A request failed in a way that is a defect here: {error}", {
    error,
    ...idOf(request),
  });
  return internalError();
}

function idOf(request: HttpRequest | undefined): { requestId?: string } {
  return request === undefined ? {} : { requestId: requestIdOf(request) };
}
