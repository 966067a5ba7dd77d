import { getLogger } from "@logtape/logtape";
import type { HttpResponse } from "../../http/handler.ts";
import { StreamError } from "../../protocol/errors.ts";
import { failureResponse, internalError } from "./errors.ts";
import type { Counters } from "./counters.ts";

const logger = getLogger(["durable-streams", "server"]);

/** The response to a request that failed; defects of the server itself go to its log. */
export function errorResponse(counters: Counters, error: unknown): HttpResponse {
  if (error instanceof StreamError) {
    counters.addError(error.code);
    if (error.code === "damaged") logger.error(error.message);
    return failureResponse(error);
  }
  counters.internalErrors++;
  logger.error("A request failed in a way that is a defect here: {error}", { error });
  return internalError();
}
