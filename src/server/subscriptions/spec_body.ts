import { StreamError } from "../../protocol/errors.ts";
import { checkStreamName, parseStreamName } from "../../protocol/stream_name.ts";
import type { SubscriptionConfig } from "../../storage/subscription.ts";
import { LINKS_LIMIT } from "../../storage/subscriptions/checks.ts";
import { invalidField, type JsonBody } from "./json_body.ts";

const MIN_LEASE_MS = 1000;
const MAX_LEASE_MS = 600_000;
const DEFAULT_LEASE_MS = 30_000;
const DESCRIPTION_LIMIT_CHARS = 1024;

/**
 * What a subscription is to be (PROTOCOL §6.2). Fields that it doesn't know are ignored.
 *
 * @throws {StreamError} `invalid_subscription`, which names the field
 */
export function parseSpec(body: JsonBody): SubscriptionConfig {
  const type = body.text("type");
  if (type !== "webhook" && type !== "pull-wake") {
    throw invalidField("type", `is ${JSON.stringify(type)}`, "webhook or pull-wake");
  }
  const pattern = body.optionalText("pattern");
  const streams = parsePaths(body);
  if (pattern === undefined && streams.length === 0) {
    throw invalidField("pattern", "is missing, and so are streams", "at least one of the two");
  }
  return {
    type,
    pattern,
    streams,
    webhookUrl: type === "webhook" ? body.object("webhook").text("url") : undefined,
    wakeStream: type === "pull-wake"
      ? checkPath("wake_stream", body.text("wake_stream"))
      : undefined,
    leaseMs: body.value("lease_ttl_ms") === undefined
      ? DEFAULT_LEASE_MS
      : body.integer("lease_ttl_ms", MIN_LEASE_MS, MAX_LEASE_MS),
    description: parseDescription(body),
  };
}

/** The streams of a request, sorted, each once. */
export function parsePaths(body: JsonBody): string[] {
  const paths = body.texts("streams", LINKS_LIMIT)
    .map((path, i) => checkPath(`streams[${i}]`, path));
  return [...new Set(paths)].sort();
}

/**
 * The stream that a URL names, as it stands there.
 *
 * @throws {StreamError} `invalid_subscription`
 */
export function parsePath(encoded: string): string {
  return namingField("path", () => parseStreamName(encoded));
}

function checkPath(field: string, path: string): string {
  return namingField(field, () => checkStreamName(path));
}

function namingField(field: string, read: () => string): string {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof StreamError)) throw error;
    throw new StreamError(
      { code: "invalid_subscription", field },
      `The field ${field} names no stream. ${error.message}`,
    );
  }
}

function parseDescription(body: JsonBody): string | undefined {
  const description = body.optionalText("description");
  if (description === undefined || description.length <= DESCRIPTION_LIMIT_CHARS) {
    return description;
  }
  throw invalidField(
    "description",
    `has ${description.length} characters`,
    `at most ${DESCRIPTION_LIMIT_CHARS}`,
  );
}
