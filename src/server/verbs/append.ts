import type {
  HeaderFields,
  HttpRequest,
  HttpResponse,
  RequestHeaders,
  Respond,
} from "../../http/handler.ts";
import { type Bytes, NO_BYTES } from "../../protocol/bytes.ts";
import { quote, StreamError } from "../../protocol/errors.ts";
import {
  isTrue,
  PRODUCER_EPOCH,
  PRODUCER_ID,
  PRODUCER_SEQ,
  STREAM_CLOSED,
  STREAM_EXPECTED_OFFSET,
  STREAM_NEXT_OFFSET,
  STREAM_SEQ,
} from "../../protocol/headers.ts";
import { formatOffset, parseOffset } from "../../protocol/offset.ts";
import type { ProducerBatch } from "../../storage/records.ts";
import type { Appended, AppendRequest } from "../../storage/storage.ts";
import { type Asker, privately, requireRight } from "../access/guard.ts";
import { traceOf } from "../log/request_span.ts";
import type { ServerContext } from "./context.ts";
import { errorResponse } from "../common/error_response.ts";
import { AUTHORIZED_COMMON_HEADERS, COMMON_HEADERS } from "../common/common_headers.ts";

/** `Content-Type`, `Stream-Seq` and `Producer-Id` are at most this long. */
export const TOKEN_LIMIT_BYTES = 1024;

/**
 * POST: appends, closes, or both in one step (PROTOCOL §5.2, §5.3).
 *
 * @throws {StreamError} what is wrong with the request's head; all else is in the response
 */
export function append(
  context: ServerContext,
  request: HttpRequest,
  respond: Respond,
  asker?: Asker,
): void {
  const { headers } = request;
  const name = context.names.of(request);
  const close = isTrue(headers.get(STREAM_CLOSED));
  requireRight(asker, close ? "close" : "append", name);
  const contentType = headers.get("content-type");
  const seq = headers.get(STREAM_SEQ);
  const expected = headers.get(STREAM_EXPECTED_OFFSET);
  const command = {
    contentType: contentType === null ? undefined : checkToken("Content-Type", contentType),
    close,
    seq: seq === null ? undefined : checkToken("Stream-Seq", seq),
    expectedTail: expected === null ? undefined : parseOffset("Stream-Expected-Offset", expected),
    producer: parseProducer(headers),
    body: NO_BYTES,
    trace: context.config.tracer === undefined ? undefined : traceOf(request),
  };
  const fail = (error: unknown) =>
    privately(asker, respond)(errorResponse(context.counters, error, request));
  const common = asker === undefined ? COMMON_HEADERS : AUTHORIZED_COMMON_HEADERS;
  context.bodies.receive(request, (body) => {
    command.body = body;
    if (asker !== undefined && command.close && !mayEndWith(asker, name, body, fail)) return;
    context.storage.append(name, command)
      .then((appended) => respond(appendResponse(common, command, appended)), fail);
  }, fail);
}

/** Whether a request that closes may append its body: whoever may only close sends none. */
function mayEndWith(
  asker: Asker,
  name: string,
  body: Bytes,
  fail: (error: unknown) => void,
): boolean {
  try {
    if (body.length > 0) requireRight(asker, "append", name);
    return true;
  } catch (error) {
    fail(error);
    return false;
  }
}

function appendResponse(
  common: Readonly<HeaderFields>,
  { producer, body }: AppendRequest,
  appended: Appended,
): HttpResponse {
  const headers: HeaderFields = {
    ...common,
    [STREAM_NEXT_OFFSET]: formatOffset(appended.space, appended.tail),
  };
  if (appended.closed) headers[STREAM_CLOSED] = "true";
  if (producer !== undefined) {
    headers[PRODUCER_EPOCH] = String(producer.epoch);
    headers[PRODUCER_SEQ] = String(appended.producer?.seq ?? producer.seq);
  }
  // PROTOCOL §5.2.1 tells a new batch (200) from a duplicate (204); a close has nothing new to tell.
  const isNewBatch = producer !== undefined && !appended.duplicate && body.length > 0;
  return { status: isNewBatch ? 200 : 204, headers, body: null };
}

const INTEGER = /^(?:0|[1-9][0-9]*)$/;

/** All three producer headers, or none (PROTOCOL §5.2.1). */
function parseProducer(headers: RequestHeaders): ProducerBatch | undefined {
  const id = headers.get(PRODUCER_ID);
  const epoch = headers.get(PRODUCER_EPOCH);
  const seq = headers.get(PRODUCER_SEQ);
  if (id === null && epoch === null && seq === null) return undefined;
  if (id === null || epoch === null || seq === null) {
    throw new StreamError(
      { code: "invalid_header" },
      "Producer-Id, Producer-Epoch and Producer-Seq go together: one or two of them are missing.",
    );
  }
  if (id === "") {
    throw new StreamError({ code: "invalid_header" }, "Producer-Id is empty: name the producer.");
  }
  return {
    id: checkToken("Producer-Id", id),
    epoch: parseInteger("Producer-Epoch", epoch),
    seq: parseInteger("Producer-Seq", seq),
  };
}

function parseInteger(header: string, value: string): number {
  const integer = INTEGER.test(value) ? Number(value) : NaN;
  if (Number.isSafeInteger(integer)) return integer;
  throw new StreamError(
    { code: "invalid_header" },
    `${header} ${quote(value)} is not an integer from 0 to 2^53-1.`,
  );
}

function checkToken(header: string, value: string): string {
  if (value.length <= TOKEN_LIMIT_BYTES) return value;
  throw new StreamError(
    { code: "invalid_header" },
    `${header} has ${value.length} bytes: at most ${TOKEN_LIMIT_BYTES} are taken.`,
  );
}
