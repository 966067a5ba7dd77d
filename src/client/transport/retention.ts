import { STREAM_RETENTION } from "../../protocol/headers.ts";
import { invalidArgument } from "../errors/invalid_argument.ts";
import { checkIntegers } from "../errors/option_checks.ts";

/**
 * How much of a stream is kept (an extension of this project's server): what is beyond any of the limits goes,
 * the oldest first and some time later.
 */
export interface Retention {
  /** What was written in so many seconds stays. */
  ageSeconds?: number | undefined;
  /** So many of the newest bytes stay. */
  bytes?: number | undefined;
  /** So many of the newest messages stay. */
  messages?: number | undefined;
  /** What lies before the newest snapshot may go. */
  toSnapshot?: boolean | undefined;
}

/** The names of its limits in a `Stream-Retention`. */
const LIMITS = [["age", "ageSeconds"], ["bytes", "bytes"], ["messages", "messages"]] as const;

/**
 * A retention as a `Stream-Retention` has it.
 *
 * @param retention `null` to keep everything
 * @throws {ClientError} `invalid_argument`
 */
export function retentionText(retention: Retention | null): string {
  if (retention === null) return "";
  if (typeof retention !== "object") {
    throw invalidArgument("retention", retention, "an object with limits, or null");
  }
  checkIntegers(retention, ["ageSeconds", "bytes", "messages"], 1);
  const limits = LIMITS.filter(([, name]) => retention[name] !== undefined)
    .map(([word, name]) => `${word}=${retention[name]}`);
  return [...limits, ...(retention.toSnapshot ? ["to-snapshot"] : [])].join(", ");
}

/** The retention in the headers of a response; `undefined` where everything is kept. */
export function retentionIn(headers: Headers): Retention | undefined {
  const text = headers.get(STREAM_RETENTION);
  if (!text) return undefined;
  const retention: Retention = {};
  for (const part of text.split(",")) {
    const [word, value] = part.trim().split("=");
    if (word === "to-snapshot") retention.toSnapshot = true;
    for (const [known, name] of LIMITS) if (known === word) retention[name] = Number(value);
  }
  return retention;
}
