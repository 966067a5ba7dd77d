import { encodeErrorBody } from "../../http/error_body.ts";
import type { HttpRequest, HttpResponse } from "../../http/handler.ts";
import { StreamError } from "../../protocol/errors.ts";
import type { Failure } from "../../protocol/errors.ts";
import type { Counters } from "../common/counters.ts";
import { errorResponse } from "../common/error_response.ts";

/** Codes as the protocol has them for subscriptions; all others are the server's own, in capitals. */
const CODES: Partial<Record<Failure["code"], string>> = {
  invalid_subscription: "INVALID_REQUEST",
  subscription_exists: "SUBSCRIPTION_ALREADY_EXISTS",
  invalid_ack: "INVALID_OFFSET",
};

const INTERNAL = encodeErrorBody("INTERNAL", "The server failed: its log says more.");

/** The response to a request about subscriptions that failed: its body's code is in capitals (PROTOCOL §7). */
export function controlErrorResponse(
  counters: Counters,
  error: unknown,
  request?: HttpRequest,
): HttpResponse {
  const response = errorResponse(counters, error, request);
  if (!(error instanceof StreamError)) return { ...response, body: INTERNAL };
  const { failure, message } = error;
  const code = CODES[failure.code] ?? failure.code.toUpperCase();
  return { ...response, body: encodeErrorBody(code, message, detailsOf(failure)) };
}

function detailsOf(failure: Failure): Record<string, string | number> {
  switch (failure.code) {
    case "invalid_subscription":
      return { field: failure.field };
    case "webhook_url_rejected":
      return { field: "webhook.url" };
    case "invalid_ack":
      return { stream: failure.path };
    case "already_claimed":
      return { current_holder: failure.holder, generation: failure.generation };
    default:
      return {};
  }
}
