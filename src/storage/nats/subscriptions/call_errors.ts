import { type Failure, StreamError } from "../../../protocol/errors.ts";
import type { JsonFields } from "../../subscriptions/json_fields.ts";

/** Codes of failures that say nothing beside. */
const PLAIN = [
  "webhook_url_rejected",
  "token_invalid",
  "token_expired",
  "forbidden",
  "subscription_not_found",
  "subscription_exists",
  "no_pending_work",
  "fenced",
  "too_many_subscriptions",
  "overloaded",
  "storage_full",
  "storage_failed",
  "storage_unreachable",
] as const;
const CODES = ["already_claimed", "invalid_subscription", "invalid_ack", ...PLAIN] as const;

/** A failure as another front end is told of it. */
export function failureJson(error: unknown): Record<string, unknown> {
  if (!(error instanceof StreamError)) {
    return { code: "storage_failed", message: String(error) };
  }
  const { failure, message } = error;
  switch (failure.code) {
    case "already_claimed":
      return {
        code: failure.code,
        message,
        holder: failure.holder,
        generation: failure.generation,
      };
    case "invalid_subscription":
      return { code: failure.code, message, field: failure.field };
    case "invalid_ack":
      return { code: failure.code, message, path: failure.path };
    case "storage_closed":
    case "damaged":
      // Of the other front end, and perhaps not of this one.
      return { code: "storage_unreachable", message };
    default: {
      const isKnown = PLAIN.some((code) => code === failure.code);
      return { code: isKnown ? failure.code : "storage_failed", message };
    }
  }
}

/** The error that {@link failureJson} says. */
export function readFailure(fields: JsonFields): StreamError {
  const code = fields.oneOf("code", CODES);
  const message = fields.text("message");
  return new StreamError(readCause(code, fields), message);
}

function readCause(code: (typeof CODES)[number], fields: JsonFields): Failure {
  switch (code) {
    case "already_claimed":
      return { code, holder: fields.text("holder"), generation: fields.integer("generation") };
    case "invalid_subscription":
      return { code, field: fields.text("field") };
    case "invalid_ack":
      return { code, path: fields.text("path") };
    default:
      return { code };
  }
}
