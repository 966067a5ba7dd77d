import type { Bytes } from "../../protocol/bytes.ts";
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
import { ClientError } from "../errors/client_error.ts";
import type { Connection } from "./connection.ts";
import { defined } from "./defined.ts";

/** One POST: data, closure, or both (PROTOCOL §5.2, §5.3). */
export interface AppendRequest {
  contentType?: string | undefined;
  /** Left out by a request that only closes. */
  body?: Bytes | undefined;
  close?: boolean | undefined;
  /** `Stream-Seq`. */
  seq?: string | undefined;
  /** `Stream-Expected-Offset`, an extension. */
  expectedOffset?: string | undefined;
  /** With these, sending it again stores nothing twice (PROTOCOL §5.2.1). */
  producer?: { id: string; epoch: number; seq: number } | undefined;
  signal?: AbortSignal | undefined;
  /** Which attempt of the caller it is. */
  attempt?: number | undefined;
}

/** What an append came to. */
export interface AppendAnswer {
  /**
   * The tail after it; `undefined` where the server stored it and didn't say, as some do of what they
   * had already (PROTOCOL §5.2.1).
   */
  offset: string | undefined;
  closed: boolean;
  /** Nothing was appended: the server knows this producer's batch, and not from this call. */
  duplicate: boolean;
}

/** What only an append is answered with when it succeeded (PROTOCOL §5.2): no page of a proxy has it. */
const STORED = 204;

/**
 * Sends an append.
 *
 * @throws {ClientError}
 */
export async function sendAppend(
  connection: Connection,
  path: string,
  request: AppendRequest,
): Promise<AppendAnswer> {
  const { body, producer } = request;
  const hasBody = body !== undefined && body.length > 0;
  const isCloseOnly = request.close === true && !hasBody;
  return await connection.request(
    {
      method: "POST",
      url: connection.urls.of(path),
      headers: headersOf(request, hasBody),
      body: hasBody ? body : undefined,
      signal: request.signal,
      repeatable: producer !== undefined || isCloseOnly,
      attempt: request.attempt ?? 1,
    },
    ({ status, headers, repeated }) => ({
      // An error would have it appended twice by whoever takes that for a failure.
      offset: status === STORED ? headers.get(STREAM_NEXT_OFFSET) || undefined : offsetIn(headers),
      closed: isTrue(headers.get(STREAM_CLOSED)),
      // A close has nothing new to tell, so that its 204 says nothing (PROTOCOL §5.2.1).
      duplicate: producer !== undefined && hasBody && status === STORED && !repeated,
    }),
  );
}

function headersOf(request: AppendRequest, hasBody: boolean): Record<string, string> {
  const { contentType, close, seq, expectedOffset, producer } = request;
  return defined({
    "content-type": hasBody ? contentType : undefined,
    [STREAM_CLOSED]: close ? "true" : undefined,
    [STREAM_SEQ]: seq,
    [STREAM_EXPECTED_OFFSET]: expectedOffset,
    [PRODUCER_ID]: producer?.id,
    [PRODUCER_EPOCH]: producer?.epoch.toString(),
    [PRODUCER_SEQ]: producer?.seq.toString(),
  });
}

/**
 * The `Stream-Next-Offset` of an answer.
 *
 * @throws {ClientError} `invalid_response` where there is none
 */
export function offsetIn(headers: Headers): string {
  const offset = headers.get(STREAM_NEXT_OFFSET);
  if (offset !== null && offset !== "") return offset;
  throw new ClientError(
    "invalid_response",
    "The answer has no Stream-Next-Offset: is the header hidden?",
  );
}
