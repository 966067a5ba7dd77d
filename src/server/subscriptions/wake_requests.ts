import type { HttpRequest } from "../../http/handler.ts";
import { StreamError } from "../../protocol/errors.ts";
import { type Offset, parseReadOffset } from "../../protocol/offset.ts";
import type { RequestedAck } from "../../storage/subscription_store.ts";
import type { Credentials } from "../../subscriptions/service.ts";
import type { TokenUse } from "../../subscriptions/tokens.ts";
import { invalidField, JsonBody } from "./json_body.ts";

/** One request acks so many streams. */
const ACKS_LIMIT = 10_000;
const WORKER_LIMIT_CHARS = 256;

/** What a worker shows to have a wake: the token of `Authorization`, and two fields (PROTOCOL §7.3). */
export function parseCredentials(
  request: HttpRequest,
  body: JsonBody,
  use: TokenUse,
): Credentials {
  return {
    token: parseBearer(request),
    use,
    generation: body.integer("generation", 0, Number.MAX_SAFE_INTEGER),
    wakeId: body.text("wake_id"),
  };
}

/** The acks of a callback or an ack (PROTOCOL §7.1, §7.2); a stream is named by `stream` or `path`. */
export function parseAcks(body: JsonBody): RequestedAck[] {
  return body.list("acks", ACKS_LIMIT).map((value, i) => {
    const ack = new JsonBody(value, `acks[${i}]`);
    const path = ack.optionalText("stream") ?? ack.optionalText("path");
    if (path === undefined) throw invalidField(ack.nameOf("stream"), "is missing", "a text");
    const token = ack.text("offset");
    return { path, token, offset: parseAckOffset(ack.nameOf("offset"), token) };
  });
}

/** The name of a worker that claims (PROTOCOL §7.2). */
export function parseWorker(body: JsonBody): string {
  const worker = body.text("worker");
  if (worker.length >= 1 && worker.length <= WORKER_LIMIT_CHARS) return worker;
  const expected = `a name of 1 to ${WORKER_LIMIT_CHARS}`;
  throw invalidField("worker", `has ${worker.length} characters`, expected);
}

function parseAckOffset(field: string, token: string): Offset {
  try {
    const offset = parseReadOffset(token);
    if (offset !== "now") return offset;
  } catch (error) {
    if (!(error instanceof StreamError)) throw error;
    throw new StreamError({ code: "invalid_subscription", field }, error.message);
  }
  throw invalidField(field, 'is "now"', "the offset up to which the stream was processed");
}

function parseBearer({ headers }: HttpRequest): string {
  const [, token] = /^bearer +(\S+) *$/i.exec(headers.get("authorization") ?? "") ?? [];
  if (token !== undefined) return token;
  throw new StreamError(
    { code: "token_invalid" },
    "The request has no token: send the wake's as Authorization: Bearer TOKEN.",
  );
}
