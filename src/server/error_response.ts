import { getLogger } from "@logtape/logtape";
import type { Answer } from "../http/handler.ts";
import { StreamError } from "../protocol/errors.ts";
import { answerDefect, answerError } from "./errors.ts";
import type { Serving } from "./context.ts";

const logger = getLogger(["durable-streams", "server"]);

/** The answer to a request that failed; what is wrong with the server itself goes to its log. */
export function refuse(serving: Serving, error: unknown): Answer {
  if (error instanceof StreamError) {
    if (error.code === "damaged") logger.error(error.message);
    return answerError(error);
  }
  serving.counters.defects++;
  logger.error("A request failed in a way that is a defect here: {error}", { error });
  return answerDefect();
}
